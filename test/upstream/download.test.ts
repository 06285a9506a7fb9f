import { afterEach, describe, expect, test } from 'vitest'
import { aClient, closeServers, demo, demoUpstream, pageOf } from '../support/demo-upstream.ts'

afterEach(closeServers)

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return Buffer.concat(parts).toString('utf8')
}

describe('a file', () => {
  test('its bytes', async () => {
    const upstream = await demoUpstream()
    const client = aClient(upstream.url)
    const url = pageOf(await client.project(demo)).files[0]?.url ?? ''
    expect(await bytesOf(client.download(url, { maxBytes: 100 }))).toBe('an sdist')
    await expect(bytesOf(client.download(url, { maxBytes: 7 }))).rejects.toMatchObject({
      code: 'UPSTREAM_TOO_LARGE',
      detail: { maxBytes: 7 }
    })
  })

  test('cut half-way: unavailable, not a short file', async () => {
    const upstream = await demoUpstream()
    const client = aClient(upstream.url)
    const url = pageOf(await client.project(demo)).files[0]?.url ?? ''
    upstream.faults.truncateFiles = true
    await expect(bytesOf(client.download(url, { maxBytes: 100 }))).rejects.toMatchObject({
      code: 'UPSTREAM_UNAVAILABLE'
    })
  })

  test('not there: unavailable with its status, asked for once', async () => {
    const upstream = await demoUpstream()
    const url = new URL('/files/none/none.tar.gz', upstream.url).href
    await expect(bytesOf(aClient(upstream.url).download(url, { maxBytes: 100 }))).rejects.toMatchObject({
      detail: { code: 'UPSTREAM_UNAVAILABLE', status: 404 }
    })
    expect(upstream.requests).toHaveLength(1)
  })

  test('no URL: malformed', async () => {
    const chunks = aClient('http://127.0.0.1:9/').download('http://[', { maxBytes: 1 })
    await expect(bytesOf(chunks)).rejects.toMatchObject({ code: 'UPSTREAM_MALFORMED' })
  })

  test('aborted: the reason of the caller, and the slots are free again', async () => {
    const upstream = await demoUpstream()
    const client = aClient(upstream.url)
    const url = pageOf(await client.project(demo)).files[0]?.url ?? ''
    upstream.faults.delayMs = 60_000
    const controller = new AbortController()
    const downloads = Array.from({ length: 10 }, () =>
      bytesOf(client.download(url, { maxBytes: 100, signal: controller.signal }))
    )
    controller.abort(new Error('enough'))
    for (const download of downloads) await expect(download).rejects.toThrow('enough')
    upstream.faults.delayMs = 0
    expect(await bytesOf(client.download(url, { maxBytes: 100 }))).toBe('an sdist')
  })
})

import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import type { Sha256 } from '../../src/core/ids.ts'
import { MAX_INFLATED_LOG_BYTES } from '../../src/http/http-limits.ts'
import type { LogSource } from '../../src/http/log-routes.ts'
import { testApp } from './http-fixtures.ts'

const TEXT = 'building demo\n<script>alert(1)</script>\nünïcode ✓\n'
const LOG = gzipSync(TEXT)

function logsOf(blob: Uint8Array | undefined): { source: LogSource; digest: Sha256 } {
  const digest = sha256Hex(blob ?? 'none')
  async function* chunks(bytes: Uint8Array): AsyncIterable<Uint8Array> {
    for (let i = 0; i < bytes.byteLength; i += 16) yield bytes.subarray(i, i + 16)
  }
  const open: LogSource['open'] = async () => {
    if (blob === undefined) throw new Error('nobody has it')
    return { size: blob.byteLength, chunks: chunks(blob) }
  }
  return { source: { has: (asked) => asked === digest, open }, digest }
}

async function getLog(blob: Uint8Array | undefined, headers: Record<string, string> = {}): Promise<Response> {
  const { source, digest } = logsOf(blob)
  return testApp({ logs: source }).app.request(`/logs/${digest}`, { headers })
}

test('goes out as it is stored to who knows gzip', async () => {
  const response = await getLog(LOG, { 'accept-encoding': 'gzip' })
  expect(response.headers.get('content-encoding')).toBe('gzip')
  expect(response.headers.get('content-length')).toBe(String(LOG.byteLength))
  expect(gunzipSync(Buffer.from(await response.arrayBuffer())).toString()).toBe(TEXT)
})

test('is inflated for others, and stays text in a browser', async () => {
  const response = await getLog(LOG)
  expect(await response.text()).toBe(TEXT)
  expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  expect(response.headers.get('content-encoding')).toBeNull()
})

test('never changes: 304 under the tag of its form', async () => {
  const etag = (await getLog(LOG, { 'accept-encoding': 'gzip' })).headers.get('etag') ?? ''
  expect((await getLog(LOG, { 'accept-encoding': 'gzip', 'if-none-match': etag })).status).toBe(304)
  expect((await getLog(LOG, { 'if-none-match': etag })).status).toBe(200)
})

test('HEAD has no body', async () => {
  const { source, digest } = logsOf(LOG)
  const response = await testApp({ logs: source }).app.request(`/logs/${digest}`, { method: 'HEAD' })
  expect([response.status, await response.text()]).toEqual([200, ''])
})

describe('hostile or broken', () => {
  test('a bomb is cut off', async () => {
    const bomb = gzipSync(Buffer.alloc(MAX_INFLATED_LOG_BYTES + 5_000_000, 'a'))
    const text = await (await getLog(bomb)).text()
    expect(text.length).toBeLessThan(MAX_INFLATED_LOG_BYTES + 1_000)
    expect(text).toMatch(/longer than this node inflates; ask for gzip\]\n$/)
  })

  test('what is no gzip, and what nobody has, is a 503 before any byte', async () => {
    expect((await getLog(Buffer.from('not gzip at all'))).status).toBe(503)
    expect((await getLog(undefined)).status).toBe(503)
  })

  test('an archive that ends too early is an error, not a short log', async () => {
    const cut = gzipSync(Buffer.alloc(300_000, 'abcdefg')).subarray(0, -40)
    await expect(getLog(cut).then((response) => response.text())).rejects.toThrow()
  })

  test.for(['/logs/abc', `/logs/${'0'.repeat(64)}`, '/logs/..%2Fx', '/logs/'])(
    '%s is not found',
    async (path) => {
      expect((await testApp().app.request(path)).status).toBe(404)
    }
  )
})

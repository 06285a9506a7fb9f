import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { testApp } from './http-fixtures.ts'

const NAME = 'demo-1.0-py3-none-any.whl'
const BYTES = randomBytes(200_000)

function served() {
  const test = testApp()
  const digest = test.files.add(NAME, BYTES, 'Metadata-Version: 2.1\nName: demo\n')
  return { ...test, digest, path: `/files/${digest}/${NAME}` }
}

async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer())
}

test('a wheel is sent whole, for ever the same, and never compressed', async () => {
  const { app, digest, path } = served()
  const response = await app.request(path, { headers: { 'accept-encoding': 'gzip' } })
  expect(response.status).toBe(200)
  expect(Object.fromEntries(response.headers)).toEqual({
    'accept-ranges': 'bytes',
    'cache-control': 'public, max-age=365000000, immutable',
    'content-length': '200000',
    'content-type': 'application/octet-stream',
    etag: `"${digest}"`,
    'x-content-type-options': 'nosniff'
  })
  expect((await bytesOf(response)).equals(BYTES)).toBe(true)
})

test('its METADATA lies beside it (PEP 658), with a tag of its own', async () => {
  const { app, path } = served()
  const response = await app.request(`${path}.metadata`)
  expect(await response.text()).toBe('Metadata-Version: 2.1\nName: demo\n')
  expect(response.headers.get('etag')).toBe(`"${sha256Hex('Metadata-Version: 2.1\nName: demo\n')}"`)
  expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
})

test('HEAD tells the size and opens nothing', async () => {
  const { app, path, files } = served()
  const response = await app.request(path, { method: 'HEAD', headers: { range: 'bytes=0-9' } })
  expect([response.status, response.headers.get('content-length')]).toEqual([200, '200000'])
  expect(await response.text()).toBe('')
  expect(files.opened).toEqual([])
})

test('a client that has it gets nothing, and nothing is opened', async () => {
  const { app, path, digest, files } = served()
  const response = await app.request(path, { headers: { 'if-none-match': `"${digest}"` } })
  expect([response.status, files.opened]).toEqual([304, []])
})

describe('ranges', () => {
  const parts = [
    { range: 'bytes=0-99', from: 0, to: 100 },
    { range: 'bytes=199990-', from: 199_990, to: 200_000 },
    { range: 'bytes=-10', from: 199_990, to: 200_000 },
    { range: 'bytes=70000-140000', from: 70_000, to: 140_001 },
    { range: 'bytes=5-999999999', from: 5, to: 200_000 }
  ]
  test.for(parts)('$range', async ({ range, from, to }) => {
    const { app, path } = served()
    const response = await app.request(path, { headers: { range } })
    expect(response.status).toBe(206)
    expect(response.headers.get('content-range')).toBe(`bytes ${from}-${to - 1}/200000`)
    expect(response.headers.get('content-length')).toBe(String(to - from))
    expect((await bytesOf(response)).equals(BYTES.subarray(from, to))).toBe(true)
  })

  test.for(['bytes=200000-', 'bytes=-0'])('%s is refused with the size', async (range) => {
    const { app, path } = served()
    const response = await app.request(path, { headers: { range } })
    expect([response.status, response.headers.get('content-range')]).toEqual([416, 'bytes */200000'])
  })

  test.for(['bytes=x', 'bytes=9-1', 'bytes=0-1,3-4', 'lines=1-2', `bytes=${'1'.repeat(9_000)}-`])(
    '%s is ignored, as if it were not there',
    async (range) => {
      const { app, path } = served()
      const response = await app.request(path, { headers: { range } })
      expect([response.status, (await bytesOf(response)).byteLength]).toEqual([200, 200_000])
    }
  )

  test('If-Range: only of the very file that was begun', async () => {
    const { app, path, digest } = served()
    const headers = { range: 'bytes=100-' }
    const same = await app.request(path, { headers: { ...headers, 'if-range': `"${digest}"` } })
    const other = await app.request(path, { headers: { ...headers, 'if-range': '"other"' } })
    expect([same.status, other.status]).toEqual([206, 200])
  })
})

describe('what is not there', () => {
  test('another name for the right digest', async () => {
    const { app, digest } = served()
    for (const name of [
      'demo-1.1-py3-none-any.whl',
      `${NAME}.metadata.metadata`,
      '.metadata',
      `${NAME}.asc`
    ]) {
      expect((await app.request(`/files/${digest}/${name}`)).status).toBe(404)
    }
  })

  const paths = [
    `/files/${'0'.repeat(64)}/${NAME}`,
    `/files/${'Z'.repeat(64)}/${NAME}`,
    `/files/abc/${NAME}`,
    `/files/..%2F..%2Fetc/passwd`,
    `/files/__proto__/constructor`,
    '/files/',
    '/files'
  ]
  test.for(paths)('%s', async (path) => {
    expect((await served().app.request(path)).status).toBe(404)
  })

  test('the digest of a metadata blob, which has no name of its own', async () => {
    const { app } = served()
    const digest = sha256Hex('Metadata-Version: 2.1\nName: demo\n')
    expect((await app.request(`/files/${digest}/${NAME}.metadata`)).status).toBe(404)
  })

  test('a retracted file is gone, with its metadata', async () => {
    const { app, files, digest, path } = served()
    files.served.set(digest, 'gone')
    expect((await app.request(path)).status).toBe(410)
    expect((await app.request(`${path}.metadata`)).status).toBe(410)
  })

  test('a file that no holder gives: 503, so that the client tries again', async () => {
    const { app, files, path } = served()
    files.unreachable = true
    const response = await app.request(path)
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '10'])
    files.unreachable = false
    files.breakAfterBytes = 0
    expect((await app.request(path)).status).toBe(503)
    expect(files.reading).toBe(0)
  })
})

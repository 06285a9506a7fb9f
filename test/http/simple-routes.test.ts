import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { IndexSource, IndexedProject } from '../../src/http/simple-index.ts'
import { fileFitsTarget, mergeProject } from '../../src/core/merge-index.ts'
import { aMerged, testApp, upstreamFile, upstreamPage } from './http-fixtures.ts'

const JSON_V1 = 'application/vnd.pypi.simple.v1+json'
const PIP = `${JSON_V1}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01`

function indexOf(over: Partial<IndexSource>): IndexSource {
  return { project: async () => undefined, projectNames: async () => [], ...over }
}

function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> {
  return Promise.resolve(testApp().app.request(path, { method, headers }))
}

describe('a project page', () => {
  test('is JSON for pip and uv', async () => {
    const response = await get('/simple/demo/', { accept: PIP })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe(JSON_V1)
    expect(response.headers.get('vary')).toBe('Accept, Accept-Encoding')
    expect(response.headers.get('cache-control')).toBe('max-age=0, must-revalidate')
    expect(await response.json()).toMatchObject({ name: 'demo', files: [{ filename: 'demo-1.0.tar.gz' }] })
  })

  test('is HTML for everybody else, under the name that was asked for', async () => {
    expect((await get('/simple/demo/')).headers.get('content-type')).toBe('text/html; charset=utf-8')
    const v1 = await get('/simple/demo/', { accept: 'application/vnd.pypi.simple.v1+html' })
    expect(v1.headers.get('content-type')).toBe('application/vnd.pypi.simple.v1+html')
    expect(await v1.text()).toContain('demo-1.0.tar.gz')
  })

  test('“latest” is answered as v1 (PEP 691)', async () => {
    const response = await get('/simple/demo/', { accept: 'application/vnd.pypi.simple.latest+json' })
    expect(response.headers.get('content-type')).toBe(JSON_V1)
  })

  test('HEAD has the head of GET and no body', async () => {
    const [head, full] = [await get('/simple/demo/', {}, 'HEAD'), await get('/simple/demo/')]
    expect(await head.text()).toBe('')
    expect(Object.fromEntries(head.headers)).toEqual(Object.fromEntries(full.headers))
  })

  test('is not sent again when the client has it, and each form has its own tag', async () => {
    const { app } = testApp({ index: indexOf({ project: async () => bigProject() }) })
    const tags = []
    for (const headers of [{}, { accept: PIP }, { 'accept-encoding': 'gzip' }] as Record<string, string>[]) {
      const etag = (await app.request('/simple/demo/', { headers })).headers.get('etag') ?? ''
      expect(etag).toMatch(/^"[0-9a-f]{32}(-gz)?"$/)
      const again = await app.request('/simple/demo/', { headers: { ...headers, 'if-none-match': etag } })
      expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag])
      expect(again.headers.get('vary')).toBe('Accept, Accept-Encoding')
      tags.push(etag)
    }
    expect(new Set(tags).size).toBe(3)
    const other = await app.request('/simple/demo/', { headers: { 'if-none-match': tags[1] ?? '' } })
    expect(other.status).toBe(200)
  })

  test('is compressed for who wants it, and says so', async () => {
    const { app } = testApp({ index: indexOf({ project: async () => bigProject() }) })
    const response = await app.request('/simple/demo/', { headers: { 'accept-encoding': 'gzip, deflate' } })
    expect(response.headers.get('content-encoding')).toBe('gzip')
    const bytes = Buffer.from(await response.arrayBuffer())
    expect(response.headers.get('content-length')).toBe(String(bytes.byteLength))
    const plain = await app.request('/simple/demo/')
    expect(plain.headers.get('content-encoding')).toBeNull()
    expect(gunzipSync(bytes).toString()).toBe(await plain.text())
  })

  test('is rendered again when its revision changes, and only then', async () => {
    let revision = '1'
    let files = ['demo-1.0.tar.gz']
    const project = async (): Promise<IndexedProject> => ({
      merged: aMerged({ files: upstreamPage(files.map((name) => upstreamFile(name))).files }),
      revision
    })
    const { app } = testApp({ index: indexOf({ project }) })
    const first = await (await app.request('/simple/demo/')).text()
    files = ['demo-1.0.tar.gz', 'demo-2.0.tar.gz']
    expect(await (await app.request('/simple/demo/')).text()).toBe(first)
    revision = '2'
    expect(await (await app.request('/simple/demo/')).text()).toContain('demo-2.0.tar.gz')
  })

  test('says how old it is when upstream has not been asked for long', async () => {
    const project = async (): Promise<IndexedProject> => ({
      merged: aMerged(),
      revision: '1',
      ageMs: 3_600_000
    })
    const { app } = testApp({ index: indexOf({ project }) })
    expect((await app.request('/simple/demo/')).headers.get('x-commonwheel-page-age')).toBe('3600')
  })
})

describe('names', () => {
  const redirects = [
    { path: '/simple', to: 'simple/' },
    { path: '/simple/demo', to: 'demo/' },
    { path: '/simple/De.Mo', to: 'de-mo/' },
    { path: '/simple/De_-.Mo/', to: '../de-mo/' },
    { path: '/simple/DEMO/', to: '../demo/' }
  ]
  test.for(redirects)('$path is moved to $to', async ({ path, to }) => {
    const response = await get(path)
    expect([response.status, response.headers.get('location')]).toEqual([301, to])
  })

  const unknown = [
    '/simple/unknown/',
    '/simple/-demo/',
    '/simple/demo-/',
    '/simple/..%2F..%2Fetc%2Fpasswd/',
    '/simple/%2e%2e%2fdemo/',
    '/simple/demo%00/',
    '/simple/demo%0d%0aset-cookie:x/',
    '/simple/%ff%fe/',
    '/simple/%3Cscript%3E/',
    '/simple/d%C3%A9mo/',
    `/simple/${'a'.repeat(5_000)}/`,
    '/simple/demo/more/',
    '/simple//demo/'
  ]
  test.for(unknown)('%s is not found', async (path) => {
    const response = await get(path)
    expect(response.status).toBe(404)
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
  })

  test.for(['..%2Fx', '%0d%0aset-cookie:x', '%5c%5cevil'])('no redirect is made of %s', async (name) => {
    const response = await get(`/simple/${name}`)
    expect([response.status, response.headers.get('location')]).toEqual([404, null])
  })
})

describe('when upstream cannot be asked', () => {
  const broken = indexOf({
    project: () => Promise.reject(new Error('no route')),
    projectNames: () => Promise.reject(new Error('no route'))
  })

  test.for(['/simple/', '/simple/demo/'])('%s is a 404 that says so, never a 5xx', async (path) => {
    const response = await testApp({ index: broken }).app.request(path)
    expect(response.status).toBe(404)
    expect(response.headers.get('x-commonwheel-upstream')).toBe('unreachable')
    expect(response.headers.get('cache-control')).toBe('no-store')
  })
})

describe('the root', () => {
  test('lists the projects in both forms, and is rendered once for one list', async () => {
    const names = ['a', 'demo']
    let list = names
    const { app } = testApp({ index: indexOf({ projectNames: async () => list }) })
    expect(await (await app.request('/simple/')).text()).toContain('<a href="demo/">demo</a>')
    const json = await app.request('/simple/', { headers: { accept: JSON_V1 } })
    expect(await json.json()).toMatchObject({ projects: [{ name: 'a' }, { name: 'demo' }] })
    list = ['a', 'demo', 'new']
    expect(await (await app.request('/simple/')).text()).toContain('new')
    list = names
    expect(await (await app.request('/simple/')).text()).not.toContain('new')
  })
})

function bigProject(): IndexedProject {
  const files = Array.from({ length: 40 }, (_, i) => upstreamFile(`demo-1.${i}.tar.gz`))
  return { merged: aMerged({ files: upstreamPage(files).files }), revision: '1' }
}

describe('the index for builds of an atomic batch', () => {
  const staged = 'demo-1.0-cp311-cp311-linux_armv7l.whl'
  const { app } = testApp({
    staged: indexOf({
      project: async () => ({
        merged: aMerged({
          files: upstreamPage([upstreamFile('demo-1.0.tar.gz'), upstreamFile(staged)]).files
        }),
        revision: '1'
      })
    })
  })
  const filesAt = async (path: string): Promise<readonly string[]> => {
    const response = await app.request(path, { headers: { accept: PIP } })
    const { files } = (await response.json()) as { readonly files: readonly { readonly filename: string }[] }
    return files.map(({ filename }) => filename)
  }

  test('lists what waits for the rest of the batch, and the public one does not, whichever was asked first', async () => {
    expect(await filesAt('/staged/demo/')).toEqual(['demo-1.0.tar.gz', staged])
    expect(await filesAt('/simple/demo/')).toEqual(['demo-1.0.tar.gz'])
    expect(await filesAt('/staged/demo/')).toEqual(['demo-1.0.tar.gz', staged])
  })

  test('redirects within itself', async () => {
    for (const [path, to] of [
      ['/staged', '/staged/'],
      ['/staged/demo', '/staged/demo/'],
      ['/staged/De.mo/', '/staged/de-mo/']
    ]) {
      const response = await app.request(`http://node.test${path}`)
      expect(new URL(response.headers.get('location')!, `http://node.test${path}`).pathname).toBe(to)
    }
  })
})

describe('upstream’s serial', () => {
  test.for([
    { serial: 7, header: '7' },
    { serial: '37059094', header: '37059094' },
    { serial: 'x\r\nset-cookie: y', header: null },
    { serial: 1.5, header: null },
    { serial: undefined, header: null }
  ])('$serial is $header in the header', async ({ serial, header }) => {
    const page = upstreamPage([upstreamFile('demo-1.0.tar.gz')], { meta: { '_last-serial': serial } })
    const merged = mergeProject({ page, wheels: [], fits: fileFitsTarget })!
    const { app } = testApp({ index: indexOf({ project: async () => ({ merged, revision: '1' }) }) })
    expect((await app.request('/simple/demo/')).headers.get('x-pypi-last-serial')).toBe(header)
  })
})

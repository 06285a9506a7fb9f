import { describe, expect, test } from 'vitest'
import { fileFitsTarget, mergeProject } from '../../src/core/merge-index.ts'
import { aMerged, aPublished, testApp, upstreamFile, upstreamPage } from './http-fixtures.ts'

const JSON_V1 = 'application/vnd.pypi.simple.v1+json'

describe('the mesh’s own wheels alone', () => {
  const wheel = aPublished('demo-1.0-cp311-cp311-linux_armv7l.whl')
  const page = upstreamPage([upstreamFile('demo-1.0.tar.gz')], {
    'project-status': { status: 'archived' },
    'x-other': 1
  })
  const merged = mergeProject({ page, wheels: [wheel], fits: fileFitsTarget })!
  const { app } = testApp({
    index: {
      project: async (name) =>
        name === 'demo' ? { merged, revision: '1' } : { merged: aMerged(), revision: '2' },
      projectNames: async () => ['demo', 'other'],
      meshProjectNames: async () => ['demo']
    }
  })

  test('have URLs that lead to the same files', async () => {
    const body = (await (
      await app.request('/mesh/simple/demo/', { headers: { accept: JSON_V1 } })
    ).json()) as {
      files: { url: string; filename: string; _commonwheel: { log: string; job: string } }[]
    }
    expect(body).toMatchObject({
      name: 'demo',
      versions: ['1.0'],
      'project-status': { status: 'archived' },
      meta: { 'api-version': '1.4' }
    })
    expect(body).not.toHaveProperty('x-other')
    expect(body.files.map(({ filename }) => filename)).toEqual([wheel.wheel.filename])
    const [{ url, _commonwheel: about }] = body.files as [(typeof body.files)[0]]
    const of = (relative: string, base: string): string => new URL(relative, `http://x${base}`).pathname
    expect(of(url, '/mesh/simple/demo/')).toBe(of(merged.files[1]!.url, '/simple/demo/'))
    expect(of(about.log, '/mesh/simple/demo/')).toBe(`/logs/${wheel.log.sha256}`)
    const html = await (await app.request('/mesh/simple/demo/')).text()
    expect(html).toContain(`href="${url}#sha256=${wheel.wheel.sha256}"`)
    expect(html).not.toContain('tar.gz')
  })

  test('a project without any is not found, so that the client looks elsewhere', async () => {
    expect((await app.request('/mesh/simple/other/')).status).toBe(404)
    const root = await app.request('/mesh/simple/', { headers: { accept: JSON_V1 } })
    expect(await root.json()).toMatchObject({ projects: [{ name: 'demo' }] })
  })

  test('names are moved as in the merged index', async () => {
    for (const [path, to] of [
      ['/mesh/simple', 'simple/'],
      ['/mesh/simple/De.Mo', 'de-mo/'],
      ['/mesh/simple/De.Mo/', '../de-mo/']
    ] as const) {
      const response = await app.request(path)
      expect([response.status, response.headers.get('location')]).toEqual([301, to])
    }
  })
})

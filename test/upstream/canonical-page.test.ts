import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseProjectName } from '../../src/core/distribution.ts'
import { canonicalPage } from '../../src/upstream/canonical-page.ts'

const name = parseProjectName('demo')
const url = 'https://index.test/simple/demo/'
const digest = 'ab'.repeat(32)

function canonical(
  body: string,
  contentType: string,
  headerSerial = 0
): { serial: number; text: string; json: unknown } {
  const page = canonicalPage({ name, url, contentType, body: Buffer.from(body), headerSerial })
  const text = Buffer.from(page.body).toString('utf8')
  return { serial: page.serial, text, json: JSON.parse(text) }
}

describe('JSON', () => {
  const file = `{"url":"../../f/demo-1.0.tar.gz","filename":"demo-1.0.tar.gz","hashes":{"sha256":"${digest}"},"_new":{"b":1,"a":2}}`

  test('keys sorted at every depth, files in their order, URLs absolute, unknown keys kept', () => {
    const body = `{"zzz":[{"b":1,"a":2}],"files":[${file},{"filename":"a","url":"https://other.test/a"},5],"meta":{"_last-serial":9,"api-version":"1.9"},"name":"DEMO"}`
    const { serial, text } = canonical(body, 'application/vnd.pypi.simple.v1+json')
    expect(serial).toBe(9)
    expect(text).toBe(
      `{"files":[{"_new":{"a":2,"b":1},"filename":"demo-1.0.tar.gz","hashes":{"sha256":"${digest}"},"url":"https://index.test/f/demo-1.0.tar.gz"},` +
        '{"filename":"a","url":"https://other.test/a"},5],"meta":{"_last-serial":9,"api-version":"1.9"},"name":"demo","zzz":[{"a":2,"b":1}]}'
    )
  })

  test('the same page in another spelling gives the same bytes', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), (extra) => {
        const page = { ...extra, files: [{ filename: 'a', url: 'x' }], meta: { 'api-version': '1.0' } }
        const reversed = Object.fromEntries(Object.entries(page).reverse())
        const spelled = canonical(JSON.stringify(page), 'application/json')
        expect(canonical(JSON.stringify(reversed, null, 2), 'application/json; charset=utf-8').text).toBe(
          spelled.text
        )
        expect(canonical(spelled.text, 'application/json').text).toBe(spelled.text)
      })
    )
  })

  test('a serial that is spelt as text is one, and stays as it is spelt', () => {
    const page = canonical('{"files":[],"meta":{"_last-serial":"42"},"name":"demo"}', 'application/json')
    expect(page.serial).toBe(42)
    expect(page.json).toMatchObject({ meta: { '_last-serial': '42' } })
  })

  test('the serial of the header is taken when the page has none', () => {
    const page = canonical('{"files":[]}', 'application/json', 17)
    expect(page.serial).toBe(17)
    expect(page.json).toEqual({ files: [], meta: { '_last-serial': 17 }, name: 'demo' })
  })
})

describe('HTML', () => {
  test('every attribute becomes its JSON key', () => {
    const html = `<!DOCTYPE html><html><head>
      <meta name="pypi:repository-version" content="1.4">
      <meta name="pypi:project-status" content="deprecated"><meta name="pypi:project-status-reason" content="use other">
      <base href="https://files.test/root/"></head><body>
      <a href="demo-1.0.tar.gz#sha256=${digest.toUpperCase()}" data-requires-python="&gt;=3.9" data-yanked=""
         data-gpg-sig="false" data-provenance="https://p.test/x">any text</a>
      <a href="/demo-1.0%2Blocal-py3-none-any.whl#md5=aa" data-yanked="bad &amp; old" data-core-metadata="sha256=${digest}" data-dist-info-metadata="true"></a>
      <a href="x/demo-2.whl#egg=demo" data-dist-info-metadata="true"></a>
      <a href="demo-3.whl?token=1" data-core-metadata="false">`
    expect(canonical(html, 'text/html; charset=UTF-8').json).toEqual({
      meta: { 'api-version': '1.4' },
      name: 'demo',
      'project-status': { status: 'deprecated', reason: 'use other' },
      files: [
        {
          filename: 'demo-1.0.tar.gz',
          url: 'https://files.test/root/demo-1.0.tar.gz',
          hashes: { sha256: digest },
          'requires-python': '>=3.9',
          yanked: true,
          'gpg-sig': false,
          provenance: 'https://p.test/x'
        },
        {
          filename: 'demo-1.0+local-py3-none-any.whl',
          url: 'https://files.test/demo-1.0%2Blocal-py3-none-any.whl',
          hashes: { md5: 'aa' },
          yanked: 'bad & old',
          'core-metadata': { sha256: digest }
        },
        {
          filename: 'demo-2.whl',
          url: 'https://files.test/root/x/demo-2.whl',
          hashes: {},
          'core-metadata': true
        },
        {
          filename: 'demo-3.whl',
          url: 'https://files.test/root/demo-3.whl?token=1',
          hashes: {},
          'core-metadata': false
        }
      ]
    })
  })

  test('links that lead nowhere are passed over', () => {
    const html = '<a>none</a><a href="http://[">bad</a><a href="../">up</a><a name="x"></a>'
    expect(canonical(html, 'text/html').json).toMatchObject({ files: [] })
  })

  test('no text makes it throw', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, href) => {
        canonical(`${before}<a href="${href}">`, 'application/vnd.pypi.simple.v1+html')
      })
    )
  })

  test('links that nobody closed are read, a bottomless nest of them is refused', () => {
    expect(canonical('<a href="x">'.repeat(10_000), 'text/html').json).toMatchObject({ name: 'demo' })
    expect(() => canonical('<a href="x">'.repeat(1_000_000), 'text/html')).toThrow('UPSTREAM_MALFORMED')
  })
})

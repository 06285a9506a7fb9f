import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import type { LogSource } from '../../src/http/log-routes.ts'
import type { LogBuildView } from '../../src/http/log-view.ts'
import { testApp } from './http-fixtures.ts'
import { aBuild, aFailedBuild, somePeople } from './people-fixtures.ts'

const FAULT = 'c/_cffi_backend.c:15:10: fatal error: ffi.h: No such file or directory'

function appWith(text: string | Uint8Array, build: LogBuildView = aFailedBuild()) {
  const blob = gzipSync(text)
  const digest = sha256Hex(blob)
  async function* chunks(): AsyncIterable<Uint8Array> {
    yield blob
  }
  const logs: LogSource = {
    has: (asked) => asked === digest,
    open: async () => ({ size: blob.byteLength, chunks: chunks() })
  }
  const builds = { ofLog: () => [build] }
  const { app } = testApp({ logs, people: somePeople({ builds }) })
  return {
    digest,
    page: async (query = '') => (await app.request(`/log/${digest}${query}`)).text(),
    json: async () => (await app.request(`/log/${digest}/json`)).json() as Promise<Record<string, unknown>>
  }
}

/** Numbers of the lines on a page. */
function linesOn(page: string): readonly number[] {
  return [...page.matchAll(/<span class="l[^"]*" id="L(\d+)">/g)].map(([, number]) => Number(number))
}

test('the failing line is marked, explained where it stands, and what the browser goes to', async () => {
  const page = await appWith(`one\ntwo\n${FAULT}\ncompilation terminated.\n`).page()
  expect(linesOn(page)).toEqual([1, 2, 3, 4])
  expect(page).toContain(
    '<span class="l hit" id="L3"><a href="#L3">3</a>c/_cffi_backend.c:15:10: <mark>fatal error: ffi.h: No such file or directory</mark>'
  )
  expect(page).toMatch(
    /id="L3">[^]*<span[^>]*id="why"[^>]*autofocus[^]*A header file is missing[^]*sudo apt install libffi-dev[^]*id="L4"/
  )
  expect(page).toMatch(/The header ffi\.h is missing: apt install libffi-dev\.\s*<a href="#L3">Line 3<\/a>/)
})

test('the same for programs', async () => {
  const { digest, json } = appWith(`one\n${FAULT}\n`)
  expect(await json()).toMatchObject({
    log: `../../logs/${digest}`,
    lines: 2,
    fault: { line: 2, text: FAULT, apt: 'libffi-dev' },
    explanation: { title: 'A header file is missing' }
  })
})

test('a build that ended well has nothing to explain', async () => {
  const page = await appWith(`all good, though it says ${FAULT}\n`, aBuild()).page()
  expect(page).not.toContain('<mark>')
  expect(page).toContain('demo-1.0-cp311-cp311-linux_armv7l.whl')
})

test('a failure that no line tells of is explained on top', async () => {
  const failure = {
    class: 'resource',
    cause: 'timeout',
    reason: 'the build took longer than this node allows'
  }
  const page = await appWith('still at it\n', aFailedBuild({ failure })).page()
  expect(page).not.toContain('<mark>')
  expect(page).toMatch(/It took too long[^]*What helps:/)
})

test('a failure of which only the last words are known is where they stand', async () => {
  const failure = { class: 'package', cause: 'build-failed', reason: 'the build failed: strange things' }
  const page = await appWith(
    'first\n  strange things\n\nERROR: Failed building wheel for x\n',
    aFailedBuild({ failure })
  ).page()
  expect(page).toContain('id="L2"><a href="#L2">2</a>  <mark>strange things</mark>')
})

test('a cause from a newer version is shown by its name', async () => {
  const failure = { class: 'package', cause: 'moon-phase', reason: 'the moon was wrong' }
  expect(await appWith('x\n', aFailedBuild({ failure })).page()).toMatch(/moon-phase[^]*The moon was wrong\./)
})

describe('long logs', () => {
  const lines = Array.from({ length: 30_000 }, (_, at) => (at === 17_000 ? FAULT : `line ${at + 1} & <more>`))
  const { page, digest } = appWith(lines.join('\n'))

  test('are shown where it matters, in less than 150 KB', async () => {
    const text = await page()
    const shown = linesOn(text)
    expect(text.length).toBeLessThan(150_000)
    expect(shown).toEqual(expect.arrayContaining([1, 16_900, 17_001, 17_050, 30_000]))
    expect(shown).not.toContain(5_000)
    expect(text).toContain(`<a class="gap" href="${digest}?from=21">`)
  })

  test('can be read to the end, page by page', async () => {
    let from = 1
    for (let pages = 0; from <= lines.length; pages++) {
      const text = await page(`?from=${from}`)
      const shown = linesOn(text)
      expect([shown[0], text.length < 150_000]).toEqual([from, true])
      from = shown.at(-1)! + 1
      expect(pages).toBeLessThan(60)
    }
  })

  test.for(['?from=0', '?from=-1', '?from=x', '?from=99999999', '?from=9999999'])(
    '%s is no harm',
    async (query) => {
      expect(linesOn(await page(query)).length).toBeGreaterThan(0)
    }
  )
})

describe('logs of strangers', () => {
  test('whatever they hold, they stay text', async () => {
    const page = await appWith(
      `<script>alert(1)</script>\n</pre><img src=x onerror=y>\n${FAULT.replace('ffi.h', 'a/b.h')}\n`
    ).page()
    expect(page).not.toContain('<script>alert')
    expect(page).not.toContain('<img')
  })

  test('one endless line, and millions of empty ones, are bounded', async () => {
    const long = await appWith('x'.repeat(3_000_000)).page()
    expect(long.length).toBeLessThan(150_000)
    const empty = appWith('\n'.repeat(1_500_000))
    expect((await empty.page()).length).toBeLessThan(150_000)
    expect(await empty.json()).toMatchObject({ cut: true })
  })

  test('a line with the words of a fault again and again is looked at but a few times', async () => {
    const page = await appWith(`${'fatal error: '.repeat(100_000)}\n`).page()
    expect(page).not.toContain('<mark>')
  })

  test('what is no UTF-8 is shown as far as it goes', async () => {
    const page = await appWith(Buffer.concat([Buffer.from([0xff, 0xfe, 0x0a]), Buffer.from(FAULT)])).page()
    expect(page).toContain('<mark>')
  })
})

test('no log, no page; no holder, no page now', async () => {
  expect((await testApp().app.request(`/log/${'0'.repeat(64)}`)).status).toBe(404)
  expect((await testApp().app.request('/log/..%2fx')).status).toBe(404)
  const logs: LogSource = { has: () => true, open: () => Promise.reject(new Error('nobody')) }
  expect((await testApp({ logs }).app.request(`/log/${'0'.repeat(64)}`)).status).toBe(503)
})

test('more logs at once than the node can read are refused for a moment', async () => {
  let give = (): void => undefined
  const waiting = new Promise<never>(
    (_, reject) =>
      (give = () => {
        reject(new Error('late'))
      })
  )
  const { app } = testApp({ logs: { has: () => true, open: () => waiting } })
  const ask = async (): Promise<number> => (await app.request(`/log/${'0'.repeat(64)}`)).status
  const first = [ask(), ask()]
  expect(await ask()).toBe(503)
  give()
  await Promise.all(first)
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { escapeHtml, html } from '../../src/http/markup.ts'

function unescape(text: string): string {
  return text
    .replaceAll('&#39;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll('&gt;', '>')
    .replaceAll('&lt;', '<')
    .replaceAll('&amp;', '&')
}

const hostile = fc.string({ unit: fc.constantFrom('<', '>', '"', "'", '&', 'a', '=', '/', ' ', '\n', 'ü') })

test('escaped text has nothing that HTML reads as markup, and says the same', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), hostile), (text) => {
      expect(escapeHtml(text)).not.toMatch(/[<>"']/)
      expect(unescape(escapeHtml(text))).toBe(text)
    })
  )
})

test('a template escapes its values, once, and lets markup be', () => {
  const inner = html`<b>${'<i>'}</b>`
  expect(html`<p title="${'"x"'}">${inner} ${3} ${[inner, inner]}</p>`.toString()).toBe(
    '<p title="&quot;x&quot;"><b>&lt;i&gt;</b> 3 <b>&lt;i&gt;</b>\n<b>&lt;i&gt;</b></p>'
  )
})

/** HTML that needs no escaping any more. Only {@link html} and {@link joinMarkup} make it. */
export class Markup {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  toString(): string {
    return this.#text
  }
}

export type MarkupValue = string | number | Markup | readonly Markup[]

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;'
}

/** For text and for quoted attribute values alike. */
export function escapeHtml(text: string): string {
  return /[&<>"']/.test(text) ? text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? '') : text
}

/** A template whose every value is escaped unless it is markup already. */
export function html(parts: TemplateStringsArray, ...values: readonly MarkupValue[]): Markup {
  const texts = parts.flatMap((part, i) => {
    const value = values[i]
    return value === undefined ? [part] : [part, render(value)]
  })
  return new Markup(texts.join(''))
}

/** Trusted text: of this program, never of a page, a record or a request. */
export function trusted(text: string): Markup {
  return new Markup(text)
}

/** Words of ours: what stands between backticks is code. */
export function prose(text: string): Markup {
  const parts = text.split('`').map(escapeHtml)
  return trusted(
    parts.map((part, at) => (at % 2 === 1 && at < parts.length - 1 ? `<code>${part}</code>` : part)).join('')
  )
}

export const NOTHING: Markup = trusted('')

function render(value: MarkupValue): string {
  if (value instanceof Markup) return value.toString()
  if (typeof value === 'string') return escapeHtml(value)
  if (typeof value === 'number') return String(value)
  return value.map((item) => item.toString()).join('\n')
}

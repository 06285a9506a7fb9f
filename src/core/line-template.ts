/**
 * A pattern for one line of text, matched in time linear in its length whatever the line holds: build logs are written by strangers,
 * and a regular expression that backtracks would let one of them stop a node.
 *
 * Text stands for itself. `{path}` and the other names below take as many characters of their kind as there are, `{a|b}` one of
 * these texts, `{rest}` the rest of the line; each is caught. `{...}` passes over anything up to the text behind it. `^` before and
 * `$` behind hold it to the ends of the line without its outer spaces. Where a template begins or ends with a letter, no letter of the
 * line may adjoin.
 */
export interface LineTemplate {
  /** A text that every matching line holds: a quick look for it spares most of the work. */
  readonly anchor: string
  match(line: string): LineMatch | undefined
}

export interface LineMatch {
  readonly start: number
  readonly end: number
  /** What was caught, in order. */
  readonly groups: readonly string[]
}

/** Places in a line at which a template is tried: no real line has its first words more often. */
const MAX_STARTS = 8

interface RunKind {
  readonly accepts: RegExp
  readonly isWhole?: (text: string) => boolean
  readonly shortened?: (text: string) => string
}

/** One character each, so that these expressions have nothing to backtrack over. */
const RUNS: Readonly<Record<string, RunKind>> = {
  path: { accepts: /[\w./+-]/ },
  name: { accepts: /[\w.+-]/ },
  word: { accepts: /\w/ },
  module: { accepts: /[\w.]/ },
  digits: { accepts: /\d/ },
  place: { accepts: /[^\s:]/ },
  quoted: { accepts: /[^'"`]/ },
  tool: { accepts: /[a-z0-9_+-]/, isWhole: (text) => /^[a-z]/.test(text) },
  program: { accepts: /[\w./+-]/, shortened: (text) => text.slice(text.lastIndexOf('/') + 1) },
  exception: { accepts: /[\w.]/, isWhole: (text) => text.endsWith('Error') || text.endsWith('Exception') }
}

type Token =
  | { readonly kind: 'text'; readonly text: string; readonly caught: boolean }
  | { readonly kind: 'run'; readonly run: RunKind }
  | { readonly kind: 'gap' }
  | { readonly kind: 'rest' }

interface Shape {
  readonly tokens: readonly Token[]
  readonly fromStart: boolean
  readonly toEnd: boolean
}

/** The templates that a text stands for: one for each combination of its `{a|b}`. Throws a TypeError for what is none. */
export function compileTemplate(source: string): readonly LineTemplate[] {
  const fromStart = source.startsWith('^')
  const toEnd = source.endsWith('$')
  const body = source.slice(fromStart ? 1 : 0, toEnd ? -1 : undefined)
  let sequences: readonly (readonly Token[])[] = [[]]
  for (const part of body.split(/(\{[^{}]*\})/).filter((one) => one !== '')) {
    const choices = tokensOf(part, source)
    sequences = sequences.flatMap((tokens) => choices.map((token) => [...tokens, token]))
  }
  return sequences.map((tokens) => templateOf({ tokens, fromStart, toEnd }, source))
}

function tokensOf(part: string, source: string): readonly Token[] {
  if (!part.startsWith('{')) return [{ kind: 'text', text: part, caught: false }]
  const name = part.slice(1, -1)
  if (name === '...') return [{ kind: 'gap' }]
  if (name === 'rest') return [{ kind: 'rest' }]
  if (name.includes('|')) return name.split('|').map((text) => ({ kind: 'text', text, caught: true }))
  const run = RUNS[name]
  if (run === undefined) throw new TypeError(`no kind of text is called ${part}: ${source}`)
  return [{ kind: 'run', run }]
}

function templateOf(shape: Shape, source: string): LineTemplate {
  const { tokens, fromStart } = shape
  const texts = tokens.flatMap((token) => (token.kind === 'text' ? [token.text] : []))
  const anchor = [...texts].sort((a, b) => b.length - a.length)[0] ?? ''
  const first = tokens[0]
  if (!fromStart && first?.kind !== 'text') throw new TypeError(`it must begin with text or ^: ${source}`)
  if (tokens.some((token, at) => token.kind === 'gap' && tokens[at + 1]?.kind !== 'text'))
    throw new TypeError(`text must follow {...}: ${source}`)
  return {
    anchor,
    match(line) {
      if (!line.includes(anchor)) return undefined
      if (first?.kind !== 'text' || fromStart)
        return matchAt(shape, line, line.length - line.trimStart().length)
      let at = line.indexOf(first.text)
      for (let tries = 0; at !== -1 && tries < MAX_STARTS; tries++) {
        const found = adjoins(line, at) ? undefined : matchAt(shape, line, at)
        if (found !== undefined) return found
        at = line.indexOf(first.text, at + 1)
      }
      return undefined
    }
  }
}

function matchAt({ tokens, toEnd }: Shape, line: string, start: number): LineMatch | undefined {
  const groups: string[] = []
  let at = start
  for (const [index, token] of tokens.entries()) {
    const end = endOf(token, tokens[index + 1], line, at)
    if (end === undefined) return undefined
    if (isCaught(token)) groups.push(shortened(token, line.slice(at, end)))
    at = end
  }
  const isEnd = toEnd ? line.slice(at).trim() === '' : tokens.at(-1)?.kind !== 'text' || !adjoins(line, at)
  return isEnd ? { start, end: at, groups } : undefined
}

function isCaught(token: Token): boolean {
  return token.kind === 'run' || token.kind === 'rest' || (token.kind === 'text' && token.caught)
}

function shortened(token: Token, text: string): string {
  return token.kind === 'run' ? (token.run.shortened?.(text) ?? text) : text
}

/** Where a token that begins at `at` ends, undefined when it is not there. */
function endOf(token: Token, next: Token | undefined, line: string, at: number): number | undefined {
  switch (token.kind) {
    case 'text':
      return line.startsWith(token.text, at) ? at + token.text.length : undefined
    case 'rest':
      return beyond(at, line.trimEnd().length)
    case 'gap': {
      const found = next?.kind === 'text' ? line.indexOf(next.text, at) : -1
      return found === -1 ? undefined : found
    }
    case 'run':
      return endOfRun(token.run, line, at)
  }
}

function endOfRun({ accepts, isWhole = () => true }: RunKind, line: string, at: number): number | undefined {
  let end = at
  while (end < line.length && accepts.test(line.charAt(end))) end++
  return isWhole(line.slice(at, end)) ? beyond(at, end) : undefined
}

function beyond(at: number, end: number): number | undefined {
  return end > at ? end : undefined
}

/** Whether a word of the line goes on across this place. */
function adjoins(line: string, at: number): boolean {
  return /\w/.test(line.charAt(at - 1)) && /\w/.test(line.charAt(at))
}

import { readSections } from './elf-sections.ts'

/** Where two files with the same name differ. */
export interface ContentDifference {
  /** In bytes, of the one that is published and of the one that was built now. */
  readonly sizes: readonly [number, number]
  /** Of the first byte that is not the same. */
  readonly firstOffset: number
  /** Of text: lines that only one of them has, with `-` or `+` in front; the first few. */
  readonly lines?: readonly string[]
  /** Of compiled code: the sections that are not the same. */
  readonly sections?: readonly string[]
}

const MAX_LINES = 12
const MAX_LINE_CHARS = 160
/** Beyond this a text is told by its first difference alone. */
const MAX_TEXT_BYTES = 1024 * 1024

/** Two files that are known to differ. */
export function compareContents(published: Uint8Array, built: Uint8Array): ContentDifference {
  const sections = differingSections(published, built)
  const lines = sections === undefined ? differingLines(published, built) : undefined
  return {
    sizes: [published.byteLength, built.byteLength],
    firstOffset: firstDifference(published, built),
    ...(sections !== undefined && { sections }),
    ...(lines !== undefined && { lines })
  }
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  const end = Math.min(a.byteLength, b.byteLength)
  for (let at = 0; at < end; at++) if (a[at] !== b[at]) return at
  return end
}

function differingSections(a: Uint8Array, b: Uint8Array): readonly string[] | undefined {
  const [left, right] = [readSections(a), readSections(b)]
  if (left === undefined || right === undefined) return undefined
  const contents = [left, right].map(
    (sections) => new Map(sections.map(({ name, bytes }) => [name, Buffer.from(bytes)]))
  )
  const names = new Set([...left, ...right].map(({ name }) => name))
  const isSame = (name: string): boolean => {
    const [one, other] = contents.map((sections) => sections.get(name))
    return one !== undefined && other?.equals(one) === true
  }
  const differing = [...names].filter((name) => !isSame(name))
  // Only the tables that say where they lie: the padding between them, or the header.
  return differing.length === 0 ? ['between the sections'] : differing
}

/** A short listing, not a minimal one: lines that the other one has nowhere. */
function differingLines(a: Uint8Array, b: Uint8Array): readonly string[] | undefined {
  if (Math.max(a.byteLength, b.byteLength) > MAX_TEXT_BYTES) return undefined
  const texts = [a, b].map((bytes) => Buffer.from(bytes).toString('utf8'))
  if (texts.some((text) => /[\0\uFFFD]/.test(text))) return undefined
  const [left = [], right = []] = texts.map((text) => text.split('\n'))
  const only = (these: readonly string[], others: readonly string[], sign: string): readonly string[] => {
    const known = new Set(others)
    return these.filter((line) => !known.has(line)).map((line) => `${sign}${line.slice(0, MAX_LINE_CHARS)}`)
  }
  const [gone, come] = [only(left, right, '-'), only(right, left, '+')]
  if (gone.length + come.length === 0) return ['the same lines in another order']
  return [...gone.slice(0, MAX_LINES / 2), ...come.slice(0, MAX_LINES / 2)]
}

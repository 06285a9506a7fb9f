import { posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { FILES, textOf } from './repository.ts'

const FOLDERS = new Set(FILES.flatMap(foldersOf))
const PAGES = FILES.filter((path) => path.endsWith('.md'))
const SOURCES = FILES.filter((path) => /^(src|config|scripts)\//.test(path) || path === 'commonwheel')

interface Reference {
  readonly from: string
  readonly to: string
}

describe('what the code says of docs/', () => {
  const references = SOURCES.flatMap((from) =>
    [...textOf(from).matchAll(/\bdocs\/[\w./-]*[\w/](?:#[\w-]+)?/g)].map(([to]) => ({ from, to }))
  )
  test('there is something to check', () => {
    expect(references.length).toBeGreaterThan(20)
  })
  test.for(references)('$from: $to', ({ to }) => {
    expect(troubleWith(to)).toBe('')
  })
})

describe('links of the pages', () => {
  test.for(PAGES.flatMap(linksOf))('$from: $to', ({ from, to }) => {
    expect(troubleWith(resolve(from, to))).toBe('')
  })
})

describe('files that the pages name', () => {
  test.for(PAGES.flatMap(namedFiles))('$from: $to', ({ to }) => {
    expect(FILES.some((path) => matches(path, to)) || FOLDERS.has(to.replace(/\/$/, ''))).toBe(true)
  })
})

/** `''` when there is such a file or folder, and such a heading in it. */
function troubleWith(reference: string): string {
  const [path = '', anchor] = reference.split('#')
  const name = path.replace(/\/$/, '')
  if (FOLDERS.has(name)) return anchor === undefined ? '' : `${name} is a folder`
  if (!FILES.includes(name)) return `there is no ${name}`
  if (anchor === undefined) return ''
  return anchorsOf(textOf(name)).has(anchor) ? '' : `${name} has no heading #${anchor}`
}

function resolve(from: string, to: string): string {
  return to.startsWith('#') ? from + to : posix.join(posix.dirname(from), to)
}

function linksOf(from: string): readonly Reference[] {
  const text = withoutCode(textOf(from))
  return [...text.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)]
    .map(([, to = '']) => ({ from, to }))
    .filter(({ to }) => !/^[a-z][a-z0-9+.-]*:/i.test(to))
}

/** `src/…`, `test/…`, `config/…` in code style; braces and stars stand for what a shell would make of them. */
function namedFiles(from: string): readonly Reference[] {
  const text = textOf(from).replace(/^```[\s\S]*?^```/gm, '')
  return [...text.matchAll(/`((?:src|test|config|scripts|bench|docs)\/[^`\s]*)`/g)].flatMap(([, to = '']) =>
    expandBraces(to).map((one) => ({ from, to: one }))
  )
}

function expandBraces(text: string): readonly string[] {
  const [, before = '', inside, after = ''] = /^([^{]*)\{([^{}]*)\}(.*)$/.exec(text) ?? []
  if (inside === undefined) return [text]
  return inside.split(',').flatMap((one) => expandBraces(before + one + after))
}

function matches(path: string, pattern: string): boolean {
  const escaped = pattern.replace(/[.+?^$()[\]\\|]/g, '\\$&').replaceAll('*', '[^/]*')
  return new RegExp(`^${escaped}$`).test(path)
}

/** As GitHub names them: lower case, punctuation dropped, blanks to hyphens, a number for what comes again. */
function anchorsOf(page: string): ReadonlySet<string> {
  const seen = new Map<string, number>()
  const anchors = new Set<string>()
  for (const [, heading = ''] of page.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#{1,6} +(.+)$/gm)) {
    const slug = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-')
    const count = seen.get(slug) ?? 0
    seen.set(slug, count + 1)
    anchors.add(count === 0 ? slug : `${slug}-${count}`)
  }
  return anchors
}

function withoutCode(page: string): string {
  return page.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '')
}

function foldersOf(path: string): readonly string[] {
  const folder = posix.dirname(path)
  return folder === '.' ? [] : [folder, ...foldersOf(folder)]
}

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

interface Asset {
  /** From the node's root; the digest in it makes it another file when its bytes change. */
  readonly path: string
  readonly text: string
}

let script: Asset | undefined

/** The script of the pages. It lies beside this folder, in src/ and in dist/ alike, and is read once. */
export function searchScript(): Asset {
  return (script ??= load('search.js'))
}

function load(name: string): Asset {
  const text = readFileSync(new URL(`../dashboard/${name}`, import.meta.url), 'utf8')
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16)
  return { path: `assets/${digest}/${name}`, text }
}

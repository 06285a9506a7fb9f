import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256Hex } from '../core/digest.ts'
import { REQUIREMENTS_FRESH_MS } from '../core/limits.ts'
import { evictOldest } from './evict.ts'
import { parsePins, pinLine, type Pin } from './pins.ts'

/** What was asked of an index, by whom. */
export interface Question {
  readonly target: string
  readonly python: string
  readonly pip: string
  readonly indexUrl: string
  readonly requires: readonly string[]
}

const MAX_BYTES = 16 * 1024 * 1024

/** Which wheels pip chose for requirements lately: most packages want the same few, and pip takes seconds to find them. */
export class Resolutions {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Undefined when pip was not asked lately; a torn file counts as none. */
  async find(question: Question, nowMs: number): Promise<readonly Pin[] | undefined> {
    const text = await readFile(this.#pathOf(question), 'utf8').catch(() => '')
    const [head = '', ...lines] = text.trimEnd().split('\n')
    const [, atMs, sum] = /^(\d+) ([0-9a-f]{64})$/.exec(head) ?? []
    const ageMs = nowMs - Number(atMs)
    const isFresh = ageMs >= 0 && ageMs < REQUIREMENTS_FRESH_MS
    return isFresh && sha256Hex(lines.join('\n')) === sum ? parsePins(lines) : undefined
  }

  async keep(question: Question, pins: readonly Pin[], nowMs: number): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const path = this.#pathOf(question)
    const lines = pins.map(pinLine).join('\n')
    const file = await open(`${path}.new`, 'w', 0o600)
    try {
      await file.writeFile(`${Math.floor(nowMs)} ${sha256Hex(lines)}\n${lines}\n`)
    } finally {
      await file.close()
    }
    await rename(`${path}.new`, path)
    await evictOldest(this.#folder, { maxBytes: MAX_BYTES, isInUse: () => false })
  }

  #pathOf({ target, python, pip, indexUrl, requires }: Question): string {
    return join(
      this.#folder,
      sha256Hex(JSON.stringify([target, python, pip, indexUrl, [...requires].sort()]))
    )
  }
}

import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isNodeId, type NodeId } from '../core/ids.ts'
import type { FeedHead } from '../core/ports.ts'

/**
 * How much the ledger held when somebody last looked, in a file beside the database: a log that lost its end, or a
 * manifest that lost a line, leaves a database that is whole in itself and merely older.
 */
export interface TideMark {
  /** Entries of all feeds. */
  readonly entries: number
  /** Entries of the node's own feeds. */
  readonly own: number
  /** Written when the node stopped in good order: nothing came after it. */
  readonly final: boolean
}

const MAX_FILE_CHARS = 1_000

/** The file of the mark: see keys.ts. */
function tideMarkFile(dataFolder: string): string {
  return join(dataFolder, 'ledger.tide')
}

export function tideOf(heads: Iterable<FeedHead>, self: NodeId, final: boolean): TideMark {
  let [entries, own] = [0, 0]
  for (const { node, seq } of heads) {
    entries += seq
    if (node === self) own += seq
  }
  return { entries, own, final }
}

export async function writeTideMark(dataFolder: string, self: NodeId, mark: TideMark): Promise<void> {
  const path = tideMarkFile(dataFolder)
  await writeFile(`${path}.new`, `${JSON.stringify({ node: self, ...mark })}\n`, { flush: true })
  await rename(`${path}.new`, path)
}

/** undefined when there is none that can be read, or when it is another node's: it only ever helps. */
export async function readTideMark(dataFolder: string, self: NodeId): Promise<TideMark | undefined> {
  try {
    const text = await readFile(tideMarkFile(dataFolder), 'utf8')
    const { node, entries, own, final } = JSON.parse(text.slice(0, MAX_FILE_CHARS)) as Readonly<
      Record<string, unknown>
    >
    const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0
    if (!isNodeId(node) || node !== self || !isCount(entries) || !isCount(own)) return undefined
    return { entries, own, final: final === true }
  } catch {
    return undefined
  }
}

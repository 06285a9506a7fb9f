import { formatTable } from '../../src/cli/table.ts'
import type { Check } from '../demo/checks.ts'
import { checkLines } from '../demo/tell.ts'
import type { KnownDifference } from './compare.ts'
import type { Installed } from './installs.ts'

export interface Proof {
  readonly checks: Check[]
  readonly known: Map<KnownDifference, number>
  readonly installs: Installed[]
  questions: number
}

export function reportOf({ checks, questions, known, installs }: Proof): object {
  const differences = [...known].map(([{ what, reason }, count]) => ({ what, reason, count }))
  return { checks, questions, differences, installs }
}

export function proofLines({ checks, questions, known, installs }: Proof): readonly string[] {
  const layout = { width: 130, paint: (_style: unknown, text: string) => text }
  const rows = installs.map(({ tool, from, files, digest, wheels }) => [
    tool,
    from,
    String(Object.keys(wheels).length || '-'),
    String(files),
    digest.slice(0, 16)
  ])
  const reasons = [...known].map(([{ what, reason }, count]) => [String(count), what, reason])
  return [
    ...formatTable(['TOOL', 'FROM', 'WHEELS', 'FILES INSTALLED', 'DIGEST OF ALL'], rows, layout),
    '',
    `${questions} questions to both. What differs, and why:`,
    '',
    ...formatTable(['TIMES', 'WHAT', 'WHY'], reasons, layout),
    '',
    ...checkLines(checks)
  ]
}

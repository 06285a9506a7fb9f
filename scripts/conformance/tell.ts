import { formatTable } from '../../src/cli/table.ts'
import type { CheckResult } from './client-check.ts'

const WIDTH = 200
const MARKS = { passed: 'ok', failed: 'FAILED', 'not run': '-' } as const

/** What was not run with its reasons, what failed, one row for each client, and the one line at the end. */
export function conformanceLines(results: readonly CheckResult[]): readonly string[] {
  const layout = { width: WIDTH, paint: (_style: unknown, text: string) => text }
  const clients = [...new Set(results.map(({ client }) => client))]
  const count = (outcome: CheckResult['outcome'], client?: string): number =>
    results.filter((one) => one.outcome === outcome && (client ?? one.client) === one.client).length
  const rows = clients.map((client) => [
    client,
    String(count('passed', client)),
    String(count('failed', client)),
    String(count('not run', client))
  ])
  const failed = results.filter(({ outcome }) => outcome === 'failed')
  return [
    ...formatTable(['CLIENT', 'PASSED', 'FAILED', 'NOT RUN'], rows, layout),
    '',
    ...notRunLines(results),
    ...failed.map(lineOf),
    `${count('passed')} passed, ${count('failed')} failed`
  ]
}

/** Each reason once, with all whom it holds back. */
function notRunLines(results: readonly CheckResult[]): readonly string[] {
  const reasons = new Map<string, string[]>()
  for (const { client, what, outcome, note } of results) {
    const reason = `${what}: ${note}`
    if (outcome === 'not run') reasons.set(reason, [...(reasons.get(reason) ?? []), client])
  }
  const lines = [...reasons].flatMap(([reason, clients]) => [`- ${reason}`, `    ${clients.join(', ')}`])
  return lines.length === 0 ? [] : ['Not run:', ...lines, '']
}

export function lineOf({ client, what, outcome, note }: CheckResult): string {
  return `${MARKS[outcome].padEnd(6)} ${client}: ${what}: ${note}`
}

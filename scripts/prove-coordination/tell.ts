import type { FailOver } from './judge.ts'
import type { Proof } from './prove.ts'

/** The report for people. */
export function proofLines(proof: Proof): readonly string[] {
  const { nodes, jobs, network, wallMs, buildsPerJob, unfinished, index, violations } = proof
  const histogram = Object.entries(buildsPerJob).map(([builds, count]) => `${count} jobs ${builds}×`)
  const both = proof.builtInBothHalves
  return [
    row('mesh', `${nodes} nodes, ${jobs} jobs, ${network}, ${seconds(wallMs)}`),
    row('builds', `${histogram.join(', ')}; ${unfinished} ended with their process or its stop`),
    row('built in both halves of the cut', both.length === 0 ? 'none' : `${both.length}: ${both.join(' ')}`),
    row(
      'begun during the cut',
      proof.begunInHalves.map((count, half) => `${count} in half ${half}`).join(', ')
    ),
    row(
      'signed results',
      `${proof.signed}, lost ${proof.lost.length}, killed before signing ${proof.unsignedAtDeath.length}`
    ),
    ...proof.failOvers.map((one) => row(`first build after ${one.how}`, failOver(one))),
    row('one coordinator after the healing', seconds(proof.mergeMs)),
    row('index', `${index.bodies} bodies on each node, ${index.different.length} different`),
    ...violations.map((one) => row('VIOLATION', one)),
    violations.length === 0 ? 'all promises were kept' : `${violations.length} violations`
  ]
}

function failOver({ node, ms }: FailOver): string {
  return `${ms === undefined ? 'none' : seconds(ms)} (${node})`
}

function row(name: string, text: string): string {
  return `${name.padEnd(36)}${text}`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

import { KEEPER_AWAY_MS } from '../../src/core/limits.ts'
import type { LogNote } from './repairs.ts'
import type { RecoveryProof } from './prove.ts'

/** Of one node: what did not fit says how much it was. */
const NOTES_SHOWN = 14

/** The report for people. */
export function recoveryLines(proof: RecoveryProof): readonly string[] {
  const { jobs, network, wallMs, seed, roles, founder, violations, feeds } = proof
  return [
    row('mesh', `5 nodes, ${jobs} jobs, ${network}, ${seconds(wallMs)}, seed ${seed}`),
    row('wiped, but for key and membership', roles.wiped),
    row('lost altogether, joined anew', roles.replaced),
    row('restored from an old copy', roles.restored),
    row('bytes flipped', roles.flipped),
    row('unharmed', `${roles.unharmed}; ${founder} had founded the mesh`),
    ...proof.flips.map(({ file, offset, from, to }) =>
      row('', `${file} at ${offset}: ${hex(from)} → ${hex(to)}`)
    ),
    row('blobs without any copy left', proof.doomed.length === 0 ? 'none' : tellDoomed(proof)),
    row('nodes up', Object.values(proof.upMs).map(seconds).join(', ')),
    row('the same index everywhere', `${timed(proof.indexMs)} (${proof.bodies} bodies)`),
    row(
      'a third of all files served by all',
      `${timed(proof.filesMs)}; ${proof.wrongAnswers} answers had wrong bytes`
    ),
    row('copies of all other blobs', `${timed(proof.copiesMs)} (${proof.blobs} blobs, ${proof.files} files)`),
    row(
      'of them with a copy less so far',
      `${proof.oneLater}: their third is made when ${roles.replaced} of old is taken for gone, after ${KEEPER_AWAY_MS / 60_000} minutes`
    ),
    row('received', tellReceived(proof.receivedBytes)),
    row(
      'entries',
      `${feeds.entriesBefore} before, ${feeds.entriesAfter} after, in ${feeds.feedsAfter} feeds`
    ),
    ...proof.ownFeeds.map(({ node, incarnation, inCopy, before, after }) =>
      row(
        `own feed of ${node}`,
        `${incarnation}: ${inCopy} in the old copy, ${before} before, ${after} after`
      )
    ),
    ...Object.entries(proof.notes).flatMap(([node, notes]) => tellNotes(node, notes)),
    ...violations.map((one) => row('VIOLATION', one)),
    violations.length === 0 ? 'nothing was lost' : `${violations.length} violations`
  ]
}

function tellDoomed({ doomed }: RecoveryProof): string {
  return `${doomed.length} (${doomed.map(({ kind, sha256 }) => `${kind} ${sha256.slice(0, 12)}`).join(', ')})`
}

function tellReceived(received: RecoveryProof['receivedBytes']): string {
  if (received === undefined) return 'not measured: it takes a network namespace for each node'
  const parts = Object.entries(received).map(([node, bytes]) => `${node} ${mebibytes(bytes)}`)
  const total = Object.values(received).reduce((sum, bytes) => sum + bytes, 0)
  return `${mebibytes(total)}: ${parts.join(', ')}`
}

function tellNotes(node: string, notes: readonly LogNote[]): readonly string[] {
  const shown = notes.slice(0, NOTES_SHOWN).map(({ level, text, times, facts }) => {
    const often = times === 1 ? '' : ` (${times}×)`
    return row(`log of ${node}`, `${level}: ${text}${often} ${facts}`.trimEnd())
  })
  const left = notes.length - shown.length
  return left > 0 ? [...shown, row(`log of ${node}`, `and ${left} more`)] : shown
}

function row(name: string, text: string): string {
  return `${name.padEnd(36)}${text}`
}

function timed(ms: number | undefined): string {
  return ms === undefined ? 'never' : seconds(ms)
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

import { beforeAll, describe, expect, test } from 'vitest'
import { proveRecovery, type RecoveryProof } from '../../scripts/prove-recovery/prove.ts'
import { recoveryLines } from '../../scripts/prove-recovery/tell.ts'

/*
 * `npm run prove:recovery` in short: five real processes with a fake builder; two lose their data folders, one gets an old copy of
 * its own, one has bytes of its database and blobs flipped. Times are told, not judged: they depend on what else this machine does.
 */

const PROJECTS = 2

describe('five nodes of which four lose something, all at once', () => {
  let proof: RecoveryProof
  let report = ''
  const story: string[] = []
  let logs = ''

  beforeAll(async () => {
    proof = await proveRecovery({
      projects: PROJECTS,
      copies: 3,
      buildMs: '100-300',
      wheelKiB: '16-5000',
      flips: { database: 4, blobs: 4 },
      seed: 4,
      say: (line) => story.push(line),
      onLogs: (text) => {
        logs = text
      }
    }).catch((error: unknown) => {
      console.log(`${story.join('\n')}\n${logs}`)
      throw error
    })
    report = recoveryLines(proof).join('\n')
    if (proof.violations.length > 0) console.log(logs)
  }, 600_000)

  test('nothing was lost', () => {
    expect(proof.violations, report).toEqual([])
  })

  test('all serve the same index, every file, and have all copies, within minutes', () => {
    expect(proof.bodies).toBe(2 + 4 * PROJECTS)
    expect(proof.files).toBeGreaterThan(0)
    for (const ms of [proof.indexMs, proof.filesMs, proof.copiesMs]) expect(ms, report).toBeGreaterThan(0)
  })

  test('nobody was given wrong bytes on the way', () => {
    expect(proof.wrongAnswers, report).toBe(0)
  })

  test('every entry that was known is on every disk, and feeds go on', () => {
    expect(proof.feeds.entriesBefore).toBeGreaterThan(PROJECTS * 5)
    expect(proof.feeds.entriesAfter).toBeGreaterThan(proof.feeds.entriesBefore)
    const restored = proof.ownFeeds.filter(({ node }) => node === proof.roles.restored)
    expect(
      restored.some(({ inCopy, before }) => inCopy < before),
      report
    ).toBe(true)
    for (const { before, after } of proof.ownFeeds) expect(after).toBeGreaterThanOrEqual(before)
  })

  test('what was repaired is in the log', () => {
    const notes = (name: string): string => (proof.notes[name] ?? []).map(({ text }) => text).join('\n')
    expect(proof.flips).toHaveLength(8)
    expect(notes(proof.roles.flipped)).toContain('the database was damaged')
    expect(notes(proof.roles.flipped)).toContain('a sound copy was fetched from another node')
  })
})

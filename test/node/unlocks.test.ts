import { describe, expect, test } from 'vitest'
import type { UnlockView } from '../../src/http/api-types.ts'
import { toolchainFinding } from '../../src/node/doctor/toolchain-check.ts'
import { unlocksOf } from '../../src/node/unlocks.ts'
import { aResult, aWant } from '../support/make-record.ts'
import { aMesh, cp311, cp313, failing } from '../scheduler/board-mesh.ts'

const cause = { class: 'missing-dependency', cause: 'missing-header', reason: 'jpeglib.h' } as const

describe('what a package would free', () => {
  test('counts the failed jobs that lacked it, until a node has it', () => {
    const mesh = aMesh([cp311, cp313])
    mesh.feed(aWant())
    mesh.observe()
    expect(unlocksOf(mesh.board)).toEqual([])
    mesh.feed(failing(cp311, { ...cause, missing: 'libjpeg-dev' }))
    expect(unlocksOf(mesh.board)).toEqual([
      { package: 'libjpeg-dev', releases: 1, projects: 1, jobs: 1, examples: ['demo'] }
    ])
    mesh.say({ packages: ['libjpeg-dev'] }, [cp311, cp313])
    expect(unlocksOf(mesh.board)).toEqual([])
  })

  test('a failure that names no package counts for none', () => {
    const mesh = aMesh([cp311])
    mesh.feed(aWant())
    mesh.observe()
    mesh.feed(failing(cp311, cause, { fence: { ...aResult().fence, term: 1 } }))
    expect(unlocksOf(mesh.board)).toEqual([])
  })
})

describe('doctor', () => {
  const listed = [
    { name: 'libxml2-dev', unlocks: 'lxml' },
    { name: 'libpq-dev', unlocks: 'psycopg2' }
  ]
  const lxml: UnlockView = {
    package: 'libxml2-dev',
    releases: 14,
    projects: 3,
    jobs: 20,
    examples: ['lxml', 'xmlsec']
  }
  const facts = { listed, installed: ['libpq-dev'], unlocks: [lxml], isMeshKnown: true }

  test('says what a missing package would free, and the line that installs it', () => {
    expect(toolchainFinding(facts)).toMatchObject({
      level: 'warning',
      found: 'libxml2-dev: would free 14 releases of 3 projects (lxml, xmlsec, …)',
      cure: 'sudo apt-get install -y --no-install-recommends libxml2-dev',
      facts: { missing: [listed[0]], unlocks: [lxml] }
    })
  })

  test('what is installed here is not asked for, whatever others lack', () => {
    const found = toolchainFinding({ ...facts, installed: ['libpq-dev', 'libxml2-dev'] })
    expect(found).toMatchObject({ level: 'ok', found: 'all 2 of config/toolchain-apt.txt are installed' })
  })

  test('a list with gaps is no trouble while nothing fails for it', () => {
    expect(toolchainFinding({ ...facts, unlocks: [] })).toMatchObject({
      level: 'ok',
      found: '1 of 2 are missing (libxml2-dev); no build of this mesh failed for want of them'
    })
    expect(toolchainFinding({ ...facts, unlocks: [], isMeshKnown: false }).found).toContain('does not run')
  })
})

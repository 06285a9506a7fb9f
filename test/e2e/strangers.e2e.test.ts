import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { WantView, WhyView } from '../../src/http/api-types.ts'
import { formatTicket, parseTicket } from '../../src/wire/invite.ts'
import { fixtureSdist } from '../fixtures/sdists.ts'
import { statusOf, wantIn } from '../support/mesh-views.ts'
import { StartFailure, type NodeProcess } from '../support/spawn-node.ts'
import { somePythons, useE2e } from './e2e-kit.ts'

const kit = useE2e({ settings: { roles: ['index'] } })
let home: NodeProcess
let away: NodeProcess

beforeAll(async () => {
  const pythons = await somePythons(join(kit.yard.folder, 'pythons'), 1)
  home = kit.yard.node('home', { pythons, settings: {} })
  away = kit.yard.node('away')
  await Promise.all([home.start(), away.start()])
})

async function invite(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await home.command('invite', ...words)
  expect(code, stderr).toBe(0)
  return stdout.trim()
}

/** How a newcomer that nobody knows is turned away. */
async function turnedAway(
  name: string,
  ticket: string
): Promise<{ readonly code: unknown; readonly said: string }> {
  return refusalOf(kit.yard.node(name), ticket)
}

async function refusalOf(
  node: NodeProcess,
  ticket: string
): Promise<{ readonly code: unknown; readonly said: string }> {
  const refusal: unknown = await node.start(ticket).then(
    () => undefined,
    (error: unknown) => error
  )
  if (!(refusal instanceof StartFailure)) throw new Error(`${node.name} was let in: ${String(refusal)}`)
  return refusal
}

describe('a newcomer is turned away with exit code 1 and the reason', () => {
  test('whose ticket was not copied to its end', async () => {
    const { code, said } = await turnedAway('clipped', home.ready.ticket!.slice(0, -30))
    expect(code).toBe(1)
    expect(said).toMatch(/ticket bad.*copy it again/)
  })

  test('whose ticket ran out', async () => {
    const ticket = await invite('--ttl', '1s')
    // A quick newcomer would still be let in.
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    const { code, said } = await turnedAway('late', ticket)
    expect(code).toBe(1)
    expect(said).toMatch(/ticket expired \(expired: .*\)[^]*ask for a new one/)
  })

  test('whose ticket was used as often as it may be', async () => {
    const ticket = await invite('--uses', '1')
    expect(await kit.yard.node('guest').start(ticket)).toMatchObject({ founded: false })
    const { code, said } = await turnedAway('second-guest', ticket)
    expect(code).toBe(1)
    expect(said).toMatch(/used as often as it may be; ask for a new one/)
  })

  test('whose ticket another mesh made, at our door', async () => {
    const theirs = parseTicket(away.ready.ticket!)
    const forged = formatTicket({ ...theirs, addresses: parseTicket(home.ready.ticket!).addresses })
    const { code, said } = await turnedAway('astray', forged)
    expect(code).toBe(1)
    expect(said).toMatch(/join refused \(reason: .*mesh/)
  })

  test('who is a member of another mesh', async () => {
    await away.stop()
    const { code, said } = await refusalOf(away, home.ready.ticket!)
    expect(code).toBe(1)
    expect(said).toMatch(/already member.*away mesh[^]*leave it first/)
    await away.start()
  })

  test('and the mesh has none of them', async () => {
    const labels = (await home.api<readonly { readonly label: string }[]>('/api/v1/nodes')).map(
      ({ label }) => label
    )
    expect(labels.sort()).toEqual(['guest', 'home'])
  })
})

describe('a want that cannot come true ends with its class', () => {
  async function wanted(spec: string): Promise<WantView> {
    const { code, stdout, stderr } = await home.command('want', spec, '--wait', '--json')
    expect(code, stderr).toBe(1)
    expect(stderr).toContain('1 of 1 job failed')
    return wantIn(stdout)
  }

  test('a project that upstream does not have', async () => {
    const { jobs } = await wanted('fixture-nowhere')
    expect(jobs).toMatchObject([{ state: 'failed', failure: { class: 'package', cause: 'unknown-project' } }])
    const why = await home.command('why', 'fixture-nowhere')
    expect(why).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('upstream knows no project') as string
    })
  })

  test('a version that does not exist', async () => {
    kit.upstream.publish('fixture-old', await fixtureSdist('pure', { name: 'fixture-old' }))
    const { jobs } = await wanted('fixture-old==9.9')
    expect(jobs).toMatchObject([{ state: 'failed', failure: { class: 'package', cause: 'unknown-version' } }])
    expect(jobs[0]?.reason).toContain('its newest is 1.0')
    const why = await home.command('why', 'fixture-old==9.9')
    expect(why).toMatchObject({ code: 1, stderr: expect.stringContaining('no release 9.9') as string })
  })

  test('an sdist that is not the one that its page names', async () => {
    kit.upstream.faults.wrongDigest = true
    const { filename, bytes } = await fixtureSdist('pure', { name: 'fixture-swapped' })
    kit.upstream.publish('fixture-swapped', { filename, bytes })
    const { jobs } = await wanted('fixture-swapped')
    expect(jobs).toMatchObject([
      { state: 'failed', failure: { class: 'package', cause: 'sdist-digest-mismatch' } }
    ])
    const { code, stdout } = await home.command('why', 'fixture-swapped', '--json')
    expect(code).toBe(0)
    const { versions } = JSON.parse(stdout) as WhyView
    expect(versions[0]?.cells[0]?.reason).toContain('upstream serves')
    const logs = await home.command('logs', 'fixture-swapped')
    expect(logs.code, logs.stderr).toBe(0)
    kit.upstream.faults.wrongDigest = false
  })

  test('and the node goes on', async () => {
    const { code, stderr } = await home.command('want', 'fixture-old', '--wait')
    expect(code, stderr).toBe(0)
    expect((await statusOf(home)).node.mode).toBe('running')
  })
})

test('a node that does not run is said not to', async () => {
  await away.stop()
  const { code, stderr } = await away.command('status')
  expect(code).toBe(1)
  expect(stderr).toContain('no node runs with the data folder')
})

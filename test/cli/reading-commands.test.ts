import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import type { JobView } from '../../src/http/api-types.ts'
import { BUILDER, CP311, CP313, aJobView, aStatus } from '../http/http-fixtures.ts'
import { aNode, serve } from './cli-fixtures.ts'

const REASON =
  'package: error: command gcc failed with exit code 1 because the header netifaces.h is nowhere on this machine'

function expectFits(text: string, width = 80): void {
  expect(text.split('\n').filter((line) => line.length > width)).toEqual([])
}

describe('status', () => {
  const running = [{ job: `numpy==2.3.1@${CP313}`, phase: 'build', elapsedMs: 250_000 }]

  test('says first what it does', async () => {
    const node = await serve()
    node.control.status = async () => aStatus({ node: { ...aStatus().node, running, uptimeMs: 3_700_000 } })
    const { code, stdout } = await node.run(['status'])
    expect(code).toBe(0)
    expect(stdout).toBe(
      [
        'building numpy 2.3.1 for cp313, 4 min 10 s; 2 nodes, all well',
        '',
        'This is pi-kitchen, up 1 h 1 min, in the mesh "garden".',
        '',
        'TARGET                        QUEUED  BUILDING  DONE  FAILED',
        'cp311-linux_armv7l-glibc2.36  1       0         2     0',
        ''
      ].join('\n')
    )
  })

  const sentences = [
    { id: 'work that waits', over: {}, says: '1 job waiting for a builder' },
    { id: 'nothing to do', over: { queue: [] }, says: 'nothing to build; 2 nodes, all well' },
    { id: 'a pause', over: { node: { ...aStatus().node, mode: 'paused' as const } }, says: 'paused; ' },
    {
      id: 'why it does not build',
      over: { node: { ...aStatus().node, buildRefusal: 'no bubblewrap: apt install bubblewrap' } },
      says: 'It does not build: no bubblewrap: apt install bubblewrap'
    },
    {
      id: 'a Python that it cannot build for',
      over: {
        node: {
          ...aStatus().node,
          refusedPythons: [{ path: '/opt/py', reason: 'it lacks venv', cure: 'reinstall it' }]
        }
      },
      says: 'It cannot build for /opt/py: it lacks venv; reinstall it.'
    },
    { id: 'no build role', over: { node: { ...aStatus().node, roles: [] } }, says: 'it has no build role' }
  ]
  test.for(sentences)('tells $id', async ({ over, says }) => {
    const node = await serve()
    node.control.status = async () => aStatus(over)
    expect((await node.run(['status'])).stdout).toContain(says)
  })

  test('names problems and who is away', async () => {
    const metrics = async (): Promise<{ contentType: string; text: string }> => ({
      contentType: '',
      text: ''
    })
    const node = await serve({
      health: { health: async () => ({ ok: false, problems: ['disk nearly full'] }), metrics }
    })
    node.control.nodes = async () => [aNode(), aNode({ self: false, connected: false, label: 'pi-attic' })]
    const { stdout } = await node.run(['status'])
    expect(stdout).toContain('; 2 nodes, 1 away, 1 problem\n')
    expect(stdout).toContain('Problem: disk nearly full\nAway: pi-attic\n')
  })

  test('--json is the answer and the health', async () => {
    const node = await serve()
    const { stdout } = await node.run(['status', '--json'])
    expect(JSON.parse(stdout)).toEqual({ ...aStatus(), health: { ok: true, problems: [] } })
  })
})

describe('nodes', () => {
  test('one line a node', async () => {
    const node = await serve()
    node.control.nodes = async () => [
      aNode({ running: [{ job: `docopt==0.6.2@${CP311}`, phase: 'build', elapsedMs: 9_000 }] }),
      aNode({ self: false, label: 'pi-shed', targets: [CP313] }),
      aNode({ self: false, connected: false, label: 'pi-attic', lastSeenMs: 7_200_000, roles: ['index'] }),
      aNode({ self: false, connected: false, label: 'evil\u001b[2J\u202e', buildRefusal: 'no compiler' })
    ]
    const { stdout } = await node.run(['nodes'])
    expect(stdout).toBe(
      [
        'NODE        ID        SEEN      LEVEL    DOING',
        'pi-kitchen  8gWeDcPg6v  this one  trusted  docopt 0.6.2 for cp311, 9 s',
        'pi-shed     8gWeDcPg6v  now       trusted  idle, builds for',
        'pi-attic    8gWeDcPg6v  2 h ago   trusted  no builder (index)',
        'evil [2J    8gWeDcPg6v  never     trusted  does not build: no compiler',
        ''
      ]
        .join('\n')
        .replaceAll('8gWeDcPg6v', BUILDER.slice(-8))
        .replace('idle, builds for', `idle, builds for\n${' '.repeat(41)}${CP313}`)
    )
    expectFits(stdout)
  })

  test('--json is the answer', async () => {
    const node = await serve()
    expect(JSON.parse((await node.run(['nodes', '--json'])).stdout)).toMatchObject([
      { label: 'pi-kitchen' },
      { label: 'pi-shed' }
    ])
  })
})

describe('jobs', () => {
  test('each state with what matters of it, within 80 columns', async () => {
    const node = await serve()
    const wheel = { filename: 'demo-1.0-py3-none-any.whl', sha256: sha256Hex('w'), size: 20_000 }
    node.control.jobs = async () => [
      aJobView({ state: 'building', phase: 'requirements', elapsedMs: 61_000, builder: BUILDER }),
      aJobView({ state: 'built', wheel, elapsedMs: 4_200, builder: 'unknown-node' }),
      aJobView({
        state: 'failed',
        failure: { class: 'package', cause: 'compile-error', reason: REASON.slice(9) }
      }),
      aJobView({ state: 'waiting', reason: 'after cp311' })
    ]
    const { stdout } = await node.run(['jobs'])
    expectFits(stdout)
    expect(stdout).toContain('building  requirements, 1 min 1 s, on\n')
    expect(stdout).toContain('pi-kitchen\n')
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
      'built demo-1.0-py3-none-any.whl (19.5 KiB), 4 s, on own-node'
    )
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(REASON)
    expect(stdout).toContain('waiting   after cp311\n')
  })

  test('filters go to the node', async () => {
    const node = await serve()
    await node.run(['jobs', '--state', 'failed', '--target', CP311, '--project', 'numpy', '--limit', '7'])
    expect(node.control.calls).toEqual([{ state: 'failed', target: CP311, project: 'numpy', limit: 7 }])
  })

  test('none', async () => {
    const node = await serve()
    node.control.jobs = async () => []
    expect(await node.run(['jobs'])).toMatchObject({ code: 0, stdout: 'no such jobs\n' })
    expect(await node.run(['jobs', '--json'])).toMatchObject({ code: 0, stdout: '[]\n' })
  })
})

describe('why', () => {
  const cell = (target: string, state: JobView['state'], reason: string) => ({ target, state, reason })
  const versions = ['6', '5', '4', '3', '2', '1'].map((major) => ({
    version: `${major}.0`,
    cells: [cell(CP311, 'upstream', 'upstream ships a wheel'), cell(CP313, 'failed', `broken in ${major}`)]
  }))

  async function known() {
    const node = await serve()
    node.control.why = async (project) =>
      project === normalizeName('demo')
        ? { project, upstream: true, targets: [CP311, CP313], versions }
        : undefined
    return node
  }

  test('the newest releases, each target with its reason', async () => {
    const { stdout } = await (await known()).run(['why', 'Demo'])
    expectFits(stdout)
    expect(stdout.replaceAll(/ +/g, ' ')).toContain(
      `6.0 ${CP311} upstream upstream ships a wheel\n ${CP313} failed broken in 6\n`
    )
    expect(stdout).not.toContain('broken in 1')
    expect(stdout).toContain('and 1 older release: --all shows them')
    expect((await (await known()).run(['why', 'demo', '--all'])).stdout).toContain('broken in 1')
  })

  test('one release', async () => {
    const { stdout } = await (await known()).run(['why', 'demo==2.0', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ versions: [{ version: '2.0' }] })
  })

  test('what upstream does not know', async () => {
    const node = await known()
    expect(await node.run(['why', 'nothing'])).toMatchObject({
      code: 1,
      stderr: 'commonwheel: upstream knows no project nothing\n'
    })
    expect((await node.run(['why', 'demo==9'])).stderr).toBe(
      'commonwheel: upstream has no release 9 of demo\n  the newest are 6.0, 5.0, 4.0, 3.0, 2.0\n'
    )
  })
})

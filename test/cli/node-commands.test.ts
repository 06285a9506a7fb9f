import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { NodePort } from '../../src/cli/node-port.ts'
import type { Config } from '../../src/config/load-config.ts'
import type { RunningNode, StartOptions } from '../../src/node/start-node.ts'
import { BUILDER, aStatus } from '../http/http-fixtures.ts'
import { type Ran, run, serve, tempFolder } from './cli-fixtures.ts'

const TICKET = 'commonwheel1:abc'

class FakeNode implements RunningNode {
  readonly meshName: string = 'garden'
  readonly nodeId: string = BUILDER
  readonly indexUrl: string = 'http://127.0.0.1:8410/simple/'
  readonly founded: boolean = false
  readonly stops: string[] = []
  readonly ended: Promise<void>
  #end: () => void = () => undefined

  constructor() {
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  leave(): void {
    this.#end()
  }

  async stop(): Promise<void> {
    this.stops.push('stop')
  }
}

interface Joined extends Ran {
  readonly config: Config
  readonly options: StartOptions
  readonly node: FakeNode
}

interface JoinOver {
  readonly node?: Partial<RunningNode>
  readonly env?: Record<string, string>
  /** Otherwise Ctrl-C comes when it is up. */
  readonly leaves?: true
}

async function joined(
  words: readonly string[],
  { node: over = {}, env = {}, leaves }: JoinOver = {}
): Promise<Joined> {
  const node = Object.assign(new FakeNode(), over)
  const interrupt = new AbortController()
  let seen: { config: Config; options: StartOptions } | undefined
  const port: NodePort = {
    foundMesh: () => Promise.reject(new Error('not asked')),
    startNode: async (config: Config, options?: StartOptions) => {
      seen = { config, options: options ?? {} }
      options?.onProgress?.('opening the ledger')
      setImmediate(() => {
        if (leaves === true) node.leave()
        else interrupt.abort(new Error('interrupted'))
      })
      return node
    }
  }
  const ran = await run(['join', ...words, '--data', await tempFolder()], {
    env,
    signal: interrupt.signal,
    loadNode: async () => port
  })
  if (seen === undefined) throw new Error(`not started: ${ran.stderr}`)
  return { ...ran, ...seen, node }
}

describe('join', () => {
  test('tells step by step what it does, and what to do with the node', async () => {
    const { code, stdout, stderr, node } = await joined([TICKET], { node: { ticket: 'commonwheel1:next' } })
    expect(stdout.split('\n').slice(1)).toEqual([
      '  opening the ledger',
      '',
      `This node (${BUILDER.slice(-8)}) is in the mesh "garden".`,
      '',
      '  install   pip install --index-url http://127.0.0.1:8410/simple/ NAME',
      '  look      http://127.0.0.1:8410/',
      '  next Pi   ./commonwheel join commonwheel1:next',
      '',
      'It builds.',
      'Ctrl-C stops this node.',
      '',
      'Stopping: telling the mesh… (Ctrl-C again stops at once)',
      'Stopped. ./commonwheel join goes on from here.',
      ''
    ])
    expect([code, stderr, node.stops]).toEqual([0, '', ['stop']])
  })

  const reports = [
    { id: 'a mesh of its own', node: { founded: true }, says: 'founded the mesh "garden".' },
    {
      id: 'an address that pip does not trust',
      node: { indexUrl: 'http://192.168.1.20:8410/simple/' },
      says: 'pip install --index-url http://192.168.1.20:8410/simple/ --trusted-host 192.168.1.20 NAME'
    },
    {
      id: 'why it does not build, and the cure',
      node: { buildRefusal: 'no bubblewrap: apt install bubblewrap' },
      says: 'It serves and relays, but does not build: no bubblewrap: apt install bubblewrap\n'
    }
  ]
  test.for(reports)('tells $id', async ({ node, says }) => {
    expect((await joined([], { node })).stdout).toContain(says)
  })

  test('tells that it was not meant to build', async () => {
    expect((await joined(['--role', 'index'])).stdout).toContain(
      'It serves and relays; it has no build role.'
    )
  })

  test('flags become settings', async () => {
    const { config, options } = await joined([
      ...[
        'file-less',
        '--listen',
        '/ip4/0.0.0.0/tcp/1',
        '--listen',
        '/ip4/0.0.0.0/tcp/2',
        '--http',
        '[::]:80'
      ].slice(1),
      ...['--python', '/usr/bin/python3', '--python', 'python3.13', '--role', 'build', '--role', 'mirror'],
      ...[
        '--upstream',
        'https://index.invalid/simple/',
        '--name',
        'pi',
        '--contact',
        'ada',
        '--no-mdns',
        '--accept-lan'
      ]
    ])
    expect(config).toMatchObject({
      listen: ['/ip4/0.0.0.0/tcp/1', '/ip4/0.0.0.0/tcp/2'],
      http: { host: '::', port: 80 },
      pythons: ['/usr/bin/python3', 'python3.13'],
      roles: ['build', 'mirror'],
      upstream: 'https://index.invalid/simple/',
      name: 'pi',
      contact: 'ada',
      mdns: false,
      acceptLan: true
    })
    expect(options.ticket).toBeUndefined()
  })

  test('flags that were not given leave the environment alone', async () => {
    const env = { COMMONWHEEL_MDNS: 'no', COMMONWHEEL_HTTP_PORT: '0', COMMONWHEEL_ACCEPT_LAN: 'yes' }
    const { config } = await joined([], { env })
    expect(config).toMatchObject({ mdns: false, acceptLan: true, http: { host: '127.0.0.1', port: 0 } })
  })

  test('a ticket can come from a file', async () => {
    const path = join(await tempFolder(), 'ticket')
    await writeFile(path, `${TICKET}\n`)
    expect((await joined([`file:${path}`])).options.ticket).toBe(TICKET)
  })

  test.for(['garden', 'file:/nowhere/ticket', ''])('no ticket: %s', async (ticket) => {
    const ran = await run(['join', ticket, '--data', await tempFolder()])
    expect(ran.code).toBe(2)
    expect(ran.stderr).toContain('TICKET: ')
  })

  test('settings that cannot be used are refused before anything starts', async () => {
    const ran = await run(['join', '--listen', 'pi.local', '--data', await tempFolder()])
    expect(ran).toMatchObject({ code: 2, stdout: '' })
    expect(ran.stderr).toContain('--listen: an address looks like /ip4/0.0.0.0/tcp/4710, not "pi.local"')
  })

  test('a node that leaves by itself is not stopped again', async () => {
    const { code, stdout, node } = await joined([], { leaves: true })
    expect(stdout).toContain('This node has ended.')
    expect([code, node.stops]).toEqual([0, []])
  })

  test('--json: one object when it is up, the steps on stderr', async () => {
    const { stdout, stderr } = await joined(['--json'], { node: { ticket: TICKET } })
    expect(JSON.parse(stdout)).toEqual({
      mesh: 'garden',
      node: BUILDER,
      founded: false,
      indexUrl: 'http://127.0.0.1:8410/simple/',
      pageUrl: 'http://127.0.0.1:8410/',
      pip: 'pip install --index-url http://127.0.0.1:8410/simple/ NAME',
      ticket: TICKET
    })
    expect(stderr).toContain('opening the ledger\n')
  })
})

describe('init', () => {
  const loadNode = async (): Promise<NodePort> => ({
    startNode: () => Promise.reject(new Error('not asked')),
    foundMesh: async (_config, name) => ({
      meshId: `${name}-${'0'.repeat(64)}`,
      ticketHint: 'Then: ./commonwheel invite'
    })
  })

  test('founds a mesh and says what comes next', async () => {
    const { code, stdout } = await run(['init', 'garden', '--data', await tempFolder()], { loadNode })
    expect(code).toBe(0)
    expect(stdout).toBe('The mesh "garden" is founded: garden-000000000\nThen: ./commonwheel invite\n')
  })

  test('--json', async () => {
    const dataDir = await tempFolder()
    const { stdout } = await run(['init', 'garden', '--json', '--data', dataDir], { loadNode })
    expect(JSON.parse(stdout)).toMatchObject({ name: 'garden', dataDir })
  })
})

describe('invite', () => {
  test('the ticket alone on stdout, what it is on stderr', async () => {
    const node = await serve()
    const { code, stdout, stderr } = await node.run([
      'invite',
      '--uses',
      '30',
      '--ttl',
      '7d',
      '--roles',
      'build,index'
    ])
    expect([code, stdout]).toEqual([0, 'cw1-ticket\n'])
    expect(stderr).toContain('For 30 nodes within 7 d.')
    expect(node.control.calls).toEqual([{ uses: 30, ttlMs: 7 * 24 * 3_600_000, roles: ['build', 'index'] }])
  })

  test('by default for one node and a day', async () => {
    const node = await serve()
    const { stdout } = await node.run(['invite', '--json'])
    expect(JSON.parse(stdout)).toEqual({ ticket: 'cw1-ticket' })
    expect(node.control.calls).toEqual([{ uses: 1, ttlMs: 24 * 3_600_000, roles: [] }])
  })

  test('a role that is none', async () => {
    const ran = await (await serve()).run(['invite', '--roles', 'baker'])
    expect(ran).toMatchObject({ code: 1, stdout: '' })
    expect(ran.stderr).toContain('roles are build, index, mirror, keeper')
  })
})

test('leave names what is left', async () => {
  const node = await serve()
  const { code, stdout } = await node.run(['leave'])
  expect([code, node.control.calls]).toEqual([0, ['leave']])
  expect(stdout).toContain(`${aStatus().node.label} leaves the mesh "garden" and stops.`)
  expect(JSON.parse((await node.run(['leave', '--json'])).stdout)).toMatchObject({ mode: 'paused' })
})

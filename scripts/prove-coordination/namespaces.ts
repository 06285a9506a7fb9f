import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { halfOf, type MeshNetwork, type Place } from './mesh-network.ts'

const PREFIX = 'cwp'
const MESH_PORT = 4710

/**
 * One network namespace a node and one with the switches between them: a bridge for each half, joined by a pair of interfaces
 * that is the cable to pull, and a bridge for HTTP that is never cut. Packets into the cut vanish, as they do in a real one.
 */
export function createNamespaces(nodes: number): MeshNetwork {
  if (process.getuid?.() !== 0) throw new Error('network namespaces are made by root')
  sweepAbandoned()
  const run = `${PREFIX}${process.pid}`
  const switches = `${run}-sw`
  // Only this network shows on the machine itself; its number keeps two runs apart.
  const control = `10.213.${process.pid % 250}`
  let closed = false
  const close = (): void => {
    if (closed) return
    closed = true
    // By name: the kernel takes a namespace and what is plugged into it away some time later.
    if (existsSync(`/sys/class/net/${run}`)) ip('link', 'del', run)
    for (const name of namespaces().filter((one) => one.startsWith(`${run}-`))) ip('netns', 'del', name)
  }
  process.once('exit', close)
  try {
    makeSwitches({ run, switches, control })
    const places = Array.from({ length: nodes }, (_, index): Place => {
      const name = `${run}-${index}`
      plugIn({ name, switches, index, half: halfOf(index, nodes), control })
      const [under, host] = [['nsenter', `--net=/run/netns/${name}`, '--'], `${control}.${index + 10}`]
      return { under, listen: `/ip4/10.99.0.${index + 10}/tcp/${MESH_PORT}`, httpHost: host, env: {} }
    })
    return {
      kind: 'namespaces',
      places,
      upstreamHost: `${control}.1`,
      cut: () => ip('-n', switches, 'link', 'set', 'cable0', 'down'),
      heal: () => ip('-n', switches, 'link', 'set', 'cable0', 'up'),
      close
    }
  } catch (error) {
    close()
    throw error
  }
}

interface Switches {
  readonly run: string
  readonly switches: string
  readonly control: string
}

function makeSwitches({ run, switches, control }: Switches): void {
  ip('netns', 'add', switches)
  for (const bridge of ['half0', 'half1', 'control']) {
    ip('-n', switches, 'link', 'add', bridge, 'type', 'bridge')
    ip('-n', switches, 'link', 'set', bridge, 'up')
  }
  ip('-n', switches, 'link', 'add', 'cable0', 'type', 'veth', 'peer', 'name', 'cable1')
  for (const half of [0, 1]) ip('-n', switches, 'link', 'set', `cable${half}`, 'master', `half${half}`, 'up')
  ip('link', 'add', run, 'type', 'veth', 'peer', 'name', 'machine', 'netns', switches)
  ip('-n', switches, 'link', 'set', 'machine', 'master', 'control', 'up')
  ip('addr', 'add', `${control}.1/24`, 'dev', run)
  ip('link', 'set', run, 'up')
}

interface Plug {
  readonly name: string
  readonly switches: string
  readonly index: number
  readonly half: 0 | 1
  readonly control: string
}

function plugIn({ name, switches, index, half, control }: Plug): void {
  ip('netns', 'add', name)
  ip('-n', name, 'link', 'set', 'lo', 'up')
  const cables = [
    { bridge: `half${half}`, inside: 'mesh', address: `10.99.0.${index + 10}/24` },
    { bridge: 'control', inside: 'control', address: `${control}.${index + 10}/24` }
  ]
  for (const { bridge, inside, address } of cables) {
    const port = `${inside}${index}`
    ip('-n', switches, 'link', 'add', port, 'type', 'veth', 'peer', 'name', inside, 'netns', name)
    ip('-n', switches, 'link', 'set', port, 'master', bridge, 'up')
    ip('-n', name, 'addr', 'add', address, 'dev', inside)
    ip('-n', name, 'link', 'set', inside, 'up')
  }
}

/** What a run left that was killed itself: its namespaces carry its pid, and with them its nodes are found. */
function sweepAbandoned(): void {
  for (const name of namespaces()) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1]
    if (pid === undefined || isAlive(Number(pid))) continue
    for (const node of ip('netns', 'pids', name).split('\n').filter(Boolean))
      process.kill(Number(node), 'SIGKILL')
    ip('netns', 'del', name)
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function namespaces(): readonly string[] {
  return ip('netns', 'list')
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
}

function ip(...words: readonly string[]): string {
  return execFileSync('ip', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

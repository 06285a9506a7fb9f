import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NodeProcess, type NodePlan } from './spawn-node.ts'

export type YardPlan = Omit<NodePlan, 'name' | 'dataDir' | 'env'> & {
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** Nodes of one test with everything of theirs below one folder; nothing of it is left after `close`. */
export interface Yard {
  readonly folder: string
  readonly nodes: readonly NodeProcess[]
  /** A node that is not started yet; what is not said is as the yard has it. */
  node(name: string, changes?: Partial<YardPlan>): NodeProcess
  /** Processes, other than the nodes themselves, that see or were given something of this yard. */
  strays(): Promise<readonly string[]>
  /** What all nodes wrote about themselves. */
  logs(): string
  close(): Promise<void>
}

/** Builds run as another user, who must be able to get through. */
const SEARCH_ONLY = 0o711

export async function createYard(plan: YardPlan): Promise<Yard> {
  const folder = await mkdtemp(join(tmpdir(), 'commonwheel-e2e-'))
  await chmod(folder, SEARCH_ONLY)
  const nodes: NodeProcess[] = []
  return {
    folder,
    nodes,
    node(name, changes = {}) {
      const dataDir = join(folder, name)
      const node = new NodeProcess({ env: hermeticEnv(folder), ...plan, ...changes, name, dataDir })
      nodes.push(node)
      return node
    },
    strays: async () => straysOf(folder, nodes),
    logs: () => nodes.map(({ name, log }) => `=== ${name}\n${log}`).join('\n'),
    async close() {
      await Promise.all(nodes.map((node) => node.kill()))
      await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    }
  }
}

/** What says how programs run and reach others, and nothing about any index. */
const KEPT = ['PATH', 'LANG', 'HTTPS_PROXY', 'NO_PROXY', 'NODE_EXTRA_CA_CERTS', 'PIP_CERT', 'SSL_CERT_FILE']

/** Nothing of this machine's configuration of pip or of the program. */
export function hermeticEnv(home: string): Readonly<Record<string, string | undefined>> {
  const kept = Object.fromEntries(KEPT.map((name) => [name, process.env[name]]))
  // Nor does it matter how hot or how busy the machine of the tests is.
  const caps = { COMMONWHEEL_CAPS_TEMPERATURE: '0', COMMONWHEEL_CAPS_MEMORY_PRESSURE: '0' }
  return { ...kept, ...caps, HOME: home, PIP_CONFIG_FILE: '/dev/null', PIP_DISABLE_PIP_VERSION_CHECK: '1' }
}

async function straysOf(folder: string, nodes: readonly NodeProcess[]): Promise<readonly string[]> {
  const own = new Set(nodes.filter((node) => node.isRunning()).map(({ pid }) => String(pid)))
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && !own.has(name))
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [mounts, words] = await Promise.all([procFile(pid, 'mountinfo'), procFile(pid, 'cmdline')])
      // Mounts of a folder are told by their place on its own file system.
      const seen = mounts.includes(`${folder.slice(1)}/`) || words.includes(`${folder}/`)
      return seen ? [`${pid} ${words.replaceAll('\0', ' ').slice(0, 200)}`] : []
    })
  )
  return found.flat()
}

async function procFile(pid: string, name: string): Promise<string> {
  return readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')
}

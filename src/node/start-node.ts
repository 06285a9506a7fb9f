import type { Config } from '../config/load-config.ts'
import { removeApiFile, writeApiFile } from '../config/api-file.ts'
import type { MeshId } from '../core/ids.ts'
import type { UpstreamIndex } from '../core/ports.ts'
import { createIndexClient } from '../upstream/index-client.ts'
import { termsOf } from '../wire/invite.ts'
import { inviteWith } from './control-source.ts'
import { createMesh, type Mesh } from './create-mesh.ts'
import type { MeshIdentity, MeshPorts } from './mesh-ports.ts'
import { createNode, type Node } from './create-node.ts'
import { findUpstream } from './find-upstream.ts'
import { makeMembership } from './found-mesh.ts'
import { loadIdentity } from './identity.ts'
import { joinByLan, joinByTicket, readTicket } from './join-mesh.ts'
import { createLogger } from './logger.ts'
import { forgetMembership, loadMembership, saveMembership, type MeshMembership } from './mesh-files.ts'
import { memberAddresses } from './member-addresses.ts'
import { NodeError } from './node-error.ts'
import { type Life, NodeLives } from './node-lives.ts'
import type { setupBuilder } from './setup-builder.ts'
import { SOFTWARE } from './software.ts'
import { systemClock, systemRandom } from './system-clock.ts'

export interface RunningNode {
  readonly meshName: string
  readonly nodeId: string
  readonly indexUrl: string
  /** This start made the mesh. */
  readonly founded: boolean
  /** For the next Pi, when this node may invite. */
  readonly ticket?: string
  readonly buildRefusal?: string
  stop(): Promise<void>
  /** Resolves when the node stopped by itself: its owner told it to leave, or to finish. */
  readonly ended: Promise<void>
}

export interface StartOptions {
  readonly ticket?: string
  readonly signal?: AbortSignal
  readonly onProgress?: (line: string) => void
  /** Finds out what this machine can build; a program that proves coordination builds with a clock instead of a compiler. */
  readonly setupBuilder?: typeof setupBuilder
}

/** A ticket printed at the start is for the Pis that are joined next: a day, and some to spare. */
const NEXT_TICKET = { uses: 20, ttlMs: 24 * 3600 * 1000, roles: [] }

/** Joins or founds a mesh and runs this node in it until stopped. */
export async function startNode(config: Config, options: StartOptions = {}): Promise<RunningNode> {
  const onProgress = options.onProgress ?? (() => undefined)
  const ports: MeshPorts = { clock: systemClock, random: systemRandom, log: createLogger(config.logLevel) }
  const seed = await loadIdentity(config.dataDir, ports.random)
  const { membership, founded } = await findMesh(config, { ...options, onProgress, seed })
  options.signal?.throwIfAborted()
  const upstream = await openUpstream(config, membership.genesis.meshId, onProgress)
  const lives = new NodeLives({
    ...ports,
    begin: () =>
      beginLife(config, {
        ports,
        identity: { seed, membership },
        upstream,
        options: { ...options, onProgress }
      })
  })
  onProgress('starting')
  const { mesh, node } = await lives.start()

  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> =>
    (stopping ??= (async () => {
      await removeApiFile(config.dataDir, process.pid)
      await lives.stop()
    })())
  const ended = lives.ended.then(async (end) => {
    await stop()
    if (end === 'left') await forgetMembership(config.dataDir)
  })
  const [ticket, refusal] = [ticketOf(mesh, ports), node.buildRefusal()]
  return {
    meshName: membership.genesis.genesis.name,
    nodeId: mesh.self,
    indexUrl: node.served.indexUrl(),
    founded,
    ...(ticket === undefined ? {} : { ticket }),
    ...(refusal === undefined ? {} : { buildRefusal: refusal }),
    stop,
    ended
  }
}

interface LifePlan {
  readonly ports: MeshPorts
  readonly identity: Omit<MeshIdentity, 'boot'>
  readonly upstream: UpstreamIndex
  readonly options: StartOptions & { readonly onProgress: (line: string) => void }
}

interface NodeLife extends Life {
  readonly mesh: Mesh
  readonly node: Node
}

/** A node on its data folder, which is opened, and repaired if need be, here. */
async function beginLife(
  config: Config,
  { ports, identity, upstream, options }: LifePlan
): Promise<NodeLife> {
  const boot = Math.floor(ports.random.float() * 2 ** 32)
  const mesh = await createMesh(config, { ...identity, boot }, ports)
  const node = createNode(config, {
    ...ports,
    mesh,
    upstream,
    boot,
    onProgress: options.onProgress,
    ...(options.setupBuilder && { setupBuilder: options.setupBuilder })
  })
  return {
    mesh,
    node,
    over: node.over,
    onDamage: (listener) => {
      mesh.storage.onDamage(listener)
    },
    stop: () => node.stop(),
    async start() {
      try {
        await node.start()
        const { token } = node.served
        const url = new URL('/', node.served.indexUrl()).href
        await writeApiFile(config.dataDir, { url, token, pid: process.pid })
      } catch (error) {
        // What failed to start has not stopped, and may have the database open.
        await mesh.stop().catch(() => undefined)
        throw error
      }
    }
  }
}

async function findMesh(
  config: Config,
  options: StartOptions & { readonly seed: Uint8Array; readonly onProgress: (line: string) => void }
): Promise<{ readonly membership: MeshMembership; readonly founded: boolean }> {
  const known = await loadMembership(config.dataDir)
  const ticket = options.ticket === undefined ? undefined : readTicket(options.ticket)
  if (known !== undefined) {
    if (ticket !== undefined && termsOf(ticket).meshId !== known.genesis.meshId) {
      const cure = 'leave it first (commonwheel leave), or give another folder with --data'
      throw new NodeError({ code: 'NODE_ALREADY_MEMBER', mesh: known.genesis.genesis.name, cure })
    }
    return { membership: known, founded: false }
  }
  const { onProgress, seed } = options
  const newcomer = { seed, onProgress, label: config.name, contact: config.contact }
  const joined =
    ticket !== undefined
      ? await joinByTicket(ticket, newcomer, systemClock.wallMs())
      : config.mdns
        ? await joinByLan(newcomer, systemClock)
        : undefined
  const membership = joined ?? makeMembership(seed, `${config.name === '' ? 'home' : config.name} mesh`)
  if (joined === undefined) onProgress('no mesh to join: founding one')
  await saveMembership(config.dataDir, membership)
  return { membership, founded: joined === undefined }
}

async function openUpstream(
  config: Config,
  meshId: MeshId,
  onProgress: (line: string) => void
): Promise<UpstreamIndex> {
  const indexUrl = await findUpstream(config)
  onProgress(`following ${new URL(indexUrl).origin}`)
  return createIndexClient({ indexUrl, userAgent: userAgentOf(config, meshId) })
}

/** Says who asks and how to reach them, as the operators of public indexes ask for: one name for all nodes of a mesh. */
function userAgentOf(config: Config, meshId: MeshId): string {
  const contact = config.contact.replace(/[^\x20-\x7e]|[();]/g, '')
  const mesh = `mesh ${meshId.slice(0, 16)}`
  return `${SOFTWARE} (${contact === '' ? mesh : `${mesh}; ${contact}`})`
}

function ticketOf(mesh: Mesh, { clock, random }: MeshPorts): string | undefined {
  const { state, signer, meshId } = mesh
  try {
    return inviteWith(
      { state, signer, random, meshId, clock, addresses: () => memberAddresses(mesh) },
      NEXT_TICKET
    ).ticket
  } catch {
    // Only keepers invite; every other node has nothing to print.
    return undefined
  }
}

import { statfs } from 'node:fs/promises'
import type { Config } from '../config/load-config.ts'
import { parseProjectName } from '../core/distribution.ts'
import type { NodeId, Sha256 } from '../core/ids.ts'
import type { Keeper } from '../core/placement.ts'
import type { MeshRecord } from '../core/record.ts'
import type { Network } from '../gossip/create-network.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import { Attendance } from '../replication/attendance.ts'
import { BlobKeeper } from '../replication/blob-keeper.ts'
import type { KeptBlob, LostBook, ReplicaPeers } from '../replication/replica-ports.ts'
import type { Coordination } from '../scheduler/coordination.ts'
import { blobFolder } from '../storage/keys.ts'
import type { Records } from './create-records.ts'
import { KeptRecords } from './kept-blobs.ts'
import type { MeshPorts } from './mesh-ports.ts'

export interface KeepParts extends MeshPorts {
  readonly records: Records
  readonly network: Network
  readonly coordination: Coordination
}

/** Who is here is looked up again after this: a walk asks for every blob. */
const PRESENT_MS = 1_000
/** How a METADATA blob begins (core metadata specification). */
const METADATA_START = new TextEncoder().encode('Metadata-Version:')

/** Lets this node hold its share of the mesh's blobs. */
export function keepBlobs(config: Config, parts: KeepParts): BlobKeeper {
  const { records, network, clock, random, log } = parts
  const { state, store, ledger, meter } = records
  const kept = new KeptRecords(state)
  const keeper = new BlobKeeper(
    {
      clock,
      random,
      log,
      kept,
      meter,
      source: network.blobs,
      peers: replicaPeers(parts),
      lost: lostBook(parts),
      space: { freeBytes: () => freeBytes(blobFolder(config.dataDir)) },
      isWhole: (digest) => store.verify(digest),
      mayBeNeeded: (digest) => isMetadata(parts, digest)
    },
    {
      self: records.signer.nodeId,
      replication: state.genesis.policy.replication,
      disk: config.disk,
      minFree: config.minFree,
      ...(config.roles.includes('mirror') ? { mirrors: mirrorFilter(config) } : {})
    }
  )
  ledger.onEntry((entry) => {
    keeper.appeared(() => kept.ofEntry(entry))
  })
  return keeper
}

/** What a mirror keeps: all, or what its owner chose. A page belongs to its project, whatever the targets. */
function mirrorFilter({ mirrorTargets, mirrorProjects }: Config): (blob: KeptBlob) => boolean {
  const targets = new Set<string>(mirrorTargets)
  const projects = new Set(mirrorProjects.map(parseProjectName))
  return ({ project, target }) =>
    (projects.size === 0 || projects.has(project)) &&
    (targets.size === 0 || target === undefined || targets.has(target))
}

/**
 * A result whose wheel was taken for lost says in the same write that it is found: else the job would be open again until the keeper
 * has looked at it.
 */
export function withFound(
  state: Pick<MeshState, 'lost'>,
  wallMs: number,
  records: readonly MeshRecord[]
): readonly MeshRecord[] {
  return records.flatMap((record): readonly MeshRecord[] => {
    const file = record.kind === 'result' ? record.wheel?.sha256 : undefined
    if (file === undefined || !state.lost.isLost(file)) return [record]
    return [record, { kind: 'found', file, createdMs: state.lost.nextMs(file, wallMs) }]
  })
}

function lostBook({ records: { state, ledger }, clock }: KeepParts): LostBook {
  return {
    isLost: (file) => state.lost.isLost(file),
    all: () => state.lost.all(),
    async say(kind, file) {
      await ledger.append({ kind, file, createdMs: state.lost.nextMs(file, clock.wallMs()) })
    }
  }
}

function replicaPeers({ records, network, coordination, clock }: KeepParts): ReplicaPeers {
  const { state, signer } = records
  const self = signer.nodeId
  const attendance = new Attendance(clock)
  let [present, untilMs] = [new Set<NodeId>(), 0]

  function isPresent(node: NodeId): boolean {
    const nowMs = clock.monotonicMs()
    if (nowMs >= untilMs) {
      present = new Set([self, ...network.connected(), ...coordination.presence.present(nowMs)])
      untilMs = nowMs + PRESENT_MS
    }
    return present.has(node) && state.membership.isMember(node)
  }

  return {
    isPresent,
    keepers() {
      const members = new Set(state.membership.all().map(({ node }) => node))
      attendance.keepOnly(members)
      attendance.note([...members].filter(isPresent))
      return [...members]
        .filter((node) => attendance.wasHereLately(node))
        .map((node): Keeper => ({ node, room: coordination.presence.get(node)?.presence.room ?? true }))
    },
    // One that was let in and never came is no member whose silence means anything.
    members: () =>
      state.membership.all().filter(({ node }) => node === self || state.nodes.get(node) !== undefined)
        .length,
    ask: (node, digest, options) => network.probe(node, digest, options)
  }
}

/** What an unprivileged process could still write. */
async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** The ledger finds wheels and logs by their digest, not METADATA: it is small, and stays. */
async function isMetadata({ records: { meter } }: KeepParts, digest: Sha256): Promise<boolean> {
  const start: number[] = []
  for await (const chunk of meter.peek(digest, { end: METADATA_START.byteLength })) start.push(...chunk)
  return METADATA_START.every((byte, index) => start[index] === byte)
}

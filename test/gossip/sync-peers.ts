import { multiaddr } from '@multiformats/multiaddr'
import { onTestFinished } from 'vitest'
import type { NodeId } from '../../src/core/ids.ts'
import type { Clock } from '../../src/core/ports.ts'
import type { MeshHost } from '../../src/gossip/create-libp2p.ts'
import type { FrameStream } from '../../src/gossip/frame-stream.ts'
import { openToMember, serveMembers } from '../../src/gossip/member-protocol.ts'
import { pullFrom, type PullReport } from '../../src/gossip/sync-client.ts'
import { SyncHeads } from '../../src/gossip/sync-heads.ts'
import type { SyncSource } from '../../src/gossip/sync-ports.ts'
import { serveSync, SYNC } from '../../src/gossip/sync-server.ts'
import { decodeCbor } from '../../src/wire/cbor.ts'
import { realClock } from '../support/real-clock.ts'
import { silentLog } from '../support/test-ports.ts'
import type { FakeLedger } from './fake-ledger.ts'
import { addressOf, startNode, startRude, type TestNode } from './mesh.ts'

/** Whom a side blamed, and for which rule. */
export type Blamed = { readonly node: NodeId; readonly rule: string }[]

/** A node of the mesh, and a host that it takes for a member and that says on a sync stream whatever a test wants. */
export interface Pair {
  readonly node: TestNode
  readonly rude: MeshHost
  readonly blamed: Blamed
  /** The node pulls from the rude host. */
  pull(options?: { readonly clock?: Clock; readonly source?: SyncSource }): Promise<PullReport>
}

export async function startPair(names: readonly [string, string] = ['node', 'rude']): Promise<Pair> {
  const node = await startNode(names[0])
  const rude = await startRude(names[1])
  node.ledger.members.add(rude.nodeId)
  await rude.libp2p.dial(multiaddr(addressOf(node)))
  const blamed: Blamed = []
  return {
    node,
    rude,
    blamed,
    pull: ({ clock = realClock, source = node.ledger } = {}) =>
      pullFrom(
        {
          host: node.network.host,
          source,
          index: new SyncHeads(source),
          clock,
          log: silentLog,
          blame: (who, rule) => blamed.push({ node: who, rule })
        },
        rude.nodeId,
        { prompted: true }
      )
  }
}

/** What the rude host does with every sync stream. */
export async function script(host: MeshHost, play: (stream: FrameStream) => Promise<void>): Promise<void> {
  await serveMembers({ host, log: silentLog }, SYNC, play)
}

/** The rude host serves as the program does, from this source. */
export async function serveFrom(host: MeshHost, source: SyncSource): Promise<void> {
  await serveSync(
    { host, source, index: new SyncHeads(source), log: silentLog, blame: () => undefined },
    () => undefined
  )
}

/** The rude host asks the node whatever a test wants. */
export async function ask({ node, rude }: Pick<Pair, 'node' | 'rude'>): Promise<FrameStream> {
  const stream = await openToMember(rude, node.id, SYNC)
  onTestFinished(() => {
    stream.abort(new Error('the test is over'))
  })
  return stream
}

/** As a head goes over the wire. */
export function headRows(ledger: FakeLedger): unknown[] {
  return ledger
    .heads()
    .map(({ node, incarnation, seq, hash }) => [
      node,
      incarnation,
      seq,
      Uint8Array.from(hash.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
    ])
}

/** What went over the sync streams of the rude host. */
export interface Traffic {
  /** Bytes from the rude host, and to it. */
  sent: number
  received: number
  /** What was asked, in order; pages that were asked for ahead are left out. */
  readonly questions: readonly string[]
}

/** The rude host serves from this source, and every byte of it is counted. */
export async function countTraffic({ rude }: Pick<Pair, 'rude'>, source: SyncSource): Promise<Traffic> {
  const chunks: Uint8Array[] = []
  const traffic = {
    sent: 0,
    received: 0,
    get questions() {
      return questionsIn(Buffer.concat(chunks))
    }
  }
  const handle: MeshHost['libp2p']['handle'] = (protocol, handler, options) =>
    rude.libp2p.handle(
      protocol,
      (stream, connection) => {
        const send = stream.send.bind(stream)
        stream.send = (data) => {
          traffic.sent += data.byteLength
          return send(data)
        }
        stream.addEventListener('message', ({ data }) => {
          traffic.received += data.byteLength
          chunks.push(data.subarray())
        })
        return handler(stream, connection)
      },
      options
    )
  await serveFrom({ ...rude, libp2p: { handle } as MeshHost['libp2p'] }, source)
  return traffic
}

function questionsIn(bytes: Uint8Array): string[] {
  const asked: string[] = []
  let at = 0
  while (at < bytes.byteLength) {
    let length = 0
    for (let unit = 1; ; unit *= 128) {
      const seven = bytes[at++] ?? 0
      length += (seven & 127) * unit
      if (seven < 128) break
    }
    const question = decodeCbor(bytes.subarray(at, at + length), { maxBytes: length }) as {
      ask: string
    } | null
    if (question !== null && question.ask !== 'more') asked.push(question.ask)
    at += length
  }
  return asked
}

/** The methods of a ledger, for a source that does one of them otherwise. */
export function sourceOf(ledger: FakeLedger): SyncSource {
  return {
    heads: () => ledger.heads(),
    range: (feed, fromSeq, toSeq) => ledger.range(feed, fromSeq, toSeq),
    admitRange: (range) => ledger.admitRange(range),
    proofs: () => ledger.proofs(),
    proof: (feed) => ledger.proof(feed),
    admitProof: (bytes) => ledger.admitProof(bytes)
  }
}

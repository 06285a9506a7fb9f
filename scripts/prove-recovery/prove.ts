import { rmSync } from 'node:fs'
import { parseNodeId, type NodeId } from '../../src/core/ids.ts'
import { Placement } from '../../src/core/placement.ts'
import { Dice } from '../../src/simulation/seeded-random.ts'
import { startFixtureUpstream } from '../../test/support/fixture-upstream.ts'
import { createYard } from '../../test/support/node-yard.ts'
import type { NodeProcess } from '../../test/support/spawn-node.ts'
import { createMeshNetwork } from '../prove-coordination/create-mesh-network.ts'
import type { NetworkKind } from '../prove-coordination/mesh-network.ts'
import { badBlobs, type KeptBlob } from './blobs-on-disk.ts'
import type { Flip } from './damage.ts'
import { strike, type Disaster } from './disaster.ts'
import { feedsOnDisk, type Feeds } from './feeds-on-disk.ts'
import { judgeFeeds, type FeedVerdict } from './judge-feeds.ts'
import { Life, type Memory } from './life.ts'
import { ownFeeds, type OwnFeed } from './own-feeds.ts'
import { repairNotes, type LogNote } from './repairs.ts'
import { revive, type Revival } from './revival.ts'
import { tellRoles, type Roles } from './roles.ts'
import { troubleWithFiles } from './served.ts'
import { receivedBytes } from './traffic.ts'

export interface RecoveryOptions {
  /** Of five versions each: three are built before the old copy is made, two after it. */
  readonly projects: number
  /** Good copies that each blob is to have. */
  readonly copies: number
  /** `MIN-MAX`: how long a fake build takes. */
  readonly buildMs: string
  /** `MIN-MAX`: size of a wheel. */
  readonly wheelKiB: string
  readonly flips: { readonly database: number; readonly blobs: number }
  readonly seed: number
  readonly network?: NetworkKind
  readonly say: (text: string) => void
  /** Is given all that the nodes wrote about themselves, when the run is over. */
  readonly onLogs?: (logs: string) => void
}

/** What one run showed; `violations` is empty exactly when nothing was lost. */
export interface RecoveryProof extends Revival {
  readonly network: NetworkKind
  readonly seed: number
  readonly jobs: number
  readonly wallMs: number
  readonly roles: Roles
  readonly founder: string
  readonly flips: readonly Flip[]
  /** Blobs of which the disaster left no good copy: three copies are proof against two losses, and this was three and more. */
  readonly doomed: readonly KeptBlob[]
  readonly bodies: number
  readonly files: number
  readonly blobs: number
  /** Of them, those of which the node that never comes back was to hold one: theirs is made when it is taken for gone. */
  readonly oneLater: number
  /** Bytes that each node received from others while all recovered; undefined where they share one network. */
  readonly receivedBytes: Readonly<Record<string, number>> | undefined
  readonly feeds: FeedVerdict
  readonly ownFeeds: readonly OwnFeed[]
  readonly notes: Readonly<Record<string, readonly LogNote[]>>
}

const NODES = 5

/** Runs a mesh of five real processes into the disaster and out of it, and leaves nothing of it behind. */
export async function proveRecovery(options: RecoveryOptions): Promise<RecoveryProof> {
  const network = await createMeshNetwork(NODES, options.network)
  const upstream = await startFixtureUpstream({ host: network.upstreamHost })
  const yard = await createYard({ pythons: [], upstream: upstream.url })
  // The nodes themselves are ended by test/support/spawn-node.ts, before this.
  process.once('exit', () => {
    rmSync(yard.folder, { recursive: true, force: true })
  })
  try {
    return await new Story(new Life({ network, upstream, yard }, { ...options, nodes: NODES }), options).run()
  } finally {
    options.onLogs?.(yard.logs())
    await yard.close()
    await upstream.close()
    network.close()
  }
}

/** When the disaster came: all nodes have ended. */
interface Before {
  readonly memory: Memory
  readonly ticket: string
  readonly feeds: ReadonlyMap<string, Feeds>
  /** Ids of the nodes by label. */
  readonly ids: Readonly<Record<string, NodeId>>
  /** Where the logs of the nodes ended. */
  readonly marks: ReadonlyMap<NodeProcess, number>
  readonly received: ReadonlyMap<NodeProcess, number | undefined>
}

class Story {
  readonly #life: Life
  readonly #options: RecoveryOptions
  readonly #startMs = performance.now()

  constructor(life: Life, options: RecoveryOptions) {
    this.#life = life
    this.#options = options
  }

  async run(): Promise<RecoveryProof> {
    const before = await this.#live()
    const disaster = await this.#strike(before.memory)
    const copy = await feedsOnDisk(this.#life.copyOf(disaster.roles.restored))
    const revival = await this.#revive(before, disaster)
    const moved = this.#receivedSince(before.received)
    const ending = [...(await this.#life.endsWell()), ...(await this.#lastLook(before.memory, disaster))]
    const { nodes } = this.#life
    const newcomer = nodes.find(({ name }) => name === disaster.roles.replaced)?.id ?? ''
    await Promise.all(nodes.map((node) => node.stop('SIGTERM')))
    const after = await this.#allFeeds()
    const feeds = judgeFeeds({ before: before.feeds, after })
    const rubbish = [...(await this.#rubbish(before.memory.kept)), ...(await this.#ownVerdicts())]
    const ids = { ...before.ids, [`${disaster.roles.replaced}, new`]: newcomer }
    return {
      ...this.#facts(before, disaster),
      ...revival,
      receivedBytes: moved,
      feeds,
      ownFeeds: ownFeeds(ids, { copy, before: before.feeds, after }),
      notes: Object.fromEntries(
        nodes.map((node) => [node.name, repairNotes(node.log, before.marks.get(node) ?? 0)])
      ),
      violations: [...revival.violations, ...ending, ...feeds.violations, ...rubbish]
    }
  }

  async #live(): Promise<Before> {
    const life = this.#life
    await life.found()
    await life.buildFirst()
    await life.copyAll()
    await life.buildMore()
    const [memory, ticket] = [await life.remember(), await life.ticket()]
    const { nodes } = life
    const ids = Object.fromEntries(nodes.map((node) => [node.name, parseNodeId(node.id)]))
    const received = new Map(nodes.map((node) => [node, receivedBytes(node)]))
    await Promise.all(nodes.map((node) => node.kill()))
    const marks = new Map(nodes.map((node) => [node, node.log.length]))
    return { memory, ticket, feeds: await this.#allFeeds(), ids, marks, received }
  }

  async #strike({ kept }: Memory): Promise<Disaster> {
    const { flips, seed, say } = this.#options
    const { nodes } = this.#life
    const copyOf = (name: string): string => this.#life.copyOf(name)
    const disaster = await strike({ nodes, copyOf, kept, flips, dice: new Dice(seed, 'disaster') })
    say(`all are killed, and ${tellRoles(disaster.roles)}`)
    return disaster
  }

  /** A third of the files is asked for everywhere at once; copies are counted of the rest, which no client touches. */
  async #revive({ memory, ticket, ids }: Before, disaster: Disaster): Promise<Revival> {
    const life = this.#life
    const { copies, say } = this.#options
    const { restored, wiped, replaced } = disaster.roles
    const doomed = new Set<string>(disaster.doomed.map(({ sha256 }) => sha256))
    const files = memory.files.filter(({ sha256 }) => !doomed.has(sha256))
    const asked = files.filter((_, at) => at % 3 === 0)
    const touched = new Set([...doomed, ...asked.map(({ sha256 }) => sha256)])
    return revive({
      nodes: life.nodes,
      disaster,
      ticket,
      baseline: memory.bodies,
      projects: life.projects,
      asked,
      counted: memory.kept.filter(({ sha256 }) => !touched.has(sha256)),
      copiesOf: (blob) => copiesInMinutes(blob, { copies, ids, gone: replaced }),
      wants: life.lastWants([restored, wiped, replaced]),
      say
    })
  }

  /** Every file from every node. */
  async #lastLook({ files }: Memory, { doomed }: Disaster): Promise<readonly string[]> {
    const lost = new Set<string>(doomed.map(({ sha256 }) => sha256))
    const served = files.filter(({ sha256 }) => !lost.has(sha256))
    const troubles = await Promise.all(this.#life.nodes.map((node) => troubleWithFiles(node, served)))
    return troubles.flat().map(({ trouble }) => `in the end: ${trouble}`)
  }

  async #rubbish(kept: readonly KeptBlob[]): Promise<readonly string[]> {
    const violations: string[] = []
    for (const { name, dataDir } of this.#life.nodes)
      for (const sha256 of await badBlobs(dataDir, kept))
        violations.push(`${name}: the bytes of blob ${sha256} are wrong in the end`)
    return violations
  }

  /** What the program itself says of the folders that it leaves. */
  async #ownVerdicts(): Promise<readonly string[]> {
    const verdicts = await Promise.all(
      this.#life.nodes.map(async (node) => {
        const { code, stdout, stderr } = await node.command('verify')
        return code === 0 ? [] : [`${node.name}: commonwheel verify ends with ${code}: ${stdout} ${stderr}`]
      })
    )
    return verdicts.flat()
  }

  async #allFeeds(): Promise<ReadonlyMap<string, Feeds>> {
    const all = new Map<string, Feeds>()
    for (const { name, dataDir } of this.#life.nodes) all.set(name, await feedsOnDisk(dataDir))
    return all
  }

  #receivedSince(
    before: ReadonlyMap<NodeProcess, number | undefined>
  ): Readonly<Record<string, number>> | undefined {
    const moved: Record<string, number> = {}
    for (const node of this.#life.nodes) {
      const [from, to] = [before.get(node), receivedBytes(node)]
      if (from === undefined || to === undefined) return undefined
      moved[node.name] = to - from
    }
    return moved
  }

  #facts(
    { memory: { bodies, files, kept }, ids }: Before,
    { roles, flips, doomed }: Disaster
  ): Pick<
    RecoveryProof,
    | 'network'
    | 'seed'
    | 'jobs'
    | 'wallMs'
    | 'roles'
    | 'founder'
    | 'flips'
    | 'doomed'
    | 'bodies'
    | 'files'
    | 'blobs'
    | 'oneLater'
  > {
    const { copies } = this.#options
    return {
      network: this.#life.network.kind,
      seed: this.#options.seed,
      jobs: this.#life.jobs,
      wallMs: Math.round(performance.now() - this.#startMs),
      roles,
      founder: this.#life.nodes[0]?.name ?? '',
      flips,
      doomed,
      bodies: Object.keys(bodies).length,
      files: files.length,
      blobs: kept.length,
      oneLater: kept.filter((blob) => copiesInMinutes(blob, { copies, ids, gone: roles.replaced }) < copies)
        .length
    }
  }
}

/**
 * The others wait KEEPER_AWAY_MS before they make the copies of a node that went away, and nobody tells them that this one
 * will not come back: until then a blob of which it was to hold one has one less.
 */
function copiesInMinutes(
  { key }: KeptBlob,
  {
    copies,
    ids,
    gone
  }: { readonly copies: number; readonly ids: Readonly<Record<string, NodeId>>; readonly gone: string }
): number {
  const keepers = Object.values(ids).map((node) => ({ node, room: true }))
  const goneId = ids[gone]
  return new Placement(keepers, copies).holders(key).some((node) => node === goneId) ? copies - 1 : copies
}

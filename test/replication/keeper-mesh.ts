import { BlobError } from '../../src/core/blob-error.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import type { NodeId, ProjectName, Sha256, TargetId } from '../../src/core/ids.ts'
import type { Keeper } from '../../src/core/placement.ts'
import type { AbortOptions, BlobSource, BlobStore, EnsureOptions, Log, Random } from '../../src/core/ports.ts'
import { Attendance } from '../../src/replication/attendance.ts'
import { BlobKeeper, type BlobKeeperOptions } from '../../src/replication/blob-keeper.ts'
import { meterBlobs, type BlobMeter } from '../../src/replication/blob-meter.ts'
import type { BlobSample, Holding, KeptBlob, LostBook } from '../../src/replication/replica-ports.ts'
import { MemoryBlobs, noise } from '../gossip/memory-blobs.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { silentLog } from '../support/test-ports.ts'
import { VirtualClock } from './virtual-clock.ts'

const GiB = 1024 ** 3
/** Bytes that a node of these tests has, unless told. */
const DISK_BYTES = 100 * GiB

export interface NodeOptions extends Partial<Omit<BlobKeeperOptions, 'self' | 'replication'>> {
  /** Bytes of its file system. */
  readonly diskBytes?: number
}

/** What was said of wheels whose bytes are gone: all nodes hear it at once. */
interface Said {
  readonly by: NodeId
  readonly kind: 'lost' | 'found'
  readonly file: Sha256
  readonly atMs: number
}

/** Keepers of the real code around stores in memory, with a network that takes time and nodes that die, forget and lie. */
export class KeeperMesh {
  readonly clock = new VirtualClock()
  readonly random: Random
  readonly nodes = new Map<NodeId, KeeperNode>()
  readonly kept = new Map<Sha256, KeptBlob>()
  readonly said: Said[] = []
  readonly lost = new Set<Sha256>()
  readonly replication: number
  /** Bytes that went from node to node. */
  transferred = 0
  /** Questions whether somebody holds something. */
  asked = 0
  /** Runs before a copy goes. */
  onRemove: (node: KeeperNode, digest: Sha256) => void = () => undefined
  #made = 0
  #all: readonly KeeperNode[] = []

  constructor(nodes: number, { seed = 1, replication = 3, ...options }: NodeOptions & MeshOptions = {}) {
    this.random = seededRandom(seed)
    this.replication = replication
    for (let n = 0; n < nodes; n++) this.add(options)
  }

  add(options: NodeOptions = {}): KeeperNode {
    const node = new KeeperNode(this, `pi${this.nodes.size}` as NodeId, options)
    this.nodes.set(node.id, node)
    return node
  }

  all(): readonly KeeperNode[] {
    if (this.#all.length !== this.nodes.size) this.#all = [...this.nodes.values()]
    return this.#all
  }

  node(index: number): KeeperNode {
    return this.all()[index]!
  }

  /** A wheel that `builder` has just built. */
  publish(builder: KeeperNode, bytes = 2_000, over: Partial<KeptBlob> = {}): KeptBlob {
    const digest = builder.take(noise(bytes, ++this.#made))
    const blob: KeptBlob = {
      digest,
      size: bytes,
      key: digest,
      kind: 'wheel',
      project: 'demo' as ProjectName,
      target: 'cp313-linux_armv7l-glibc2.41' as TargetId,
      authors: [builder.id],
      ...over
    }
    this.kept.set(digest, blob)
    for (const node of this.all()) if (node.isAlive) node.keeper.appeared(() => [blob])
    return blob
  }

  async start(): Promise<void> {
    for (const node of this.all()) await node.start()
  }

  async run(ms: number): Promise<void> {
    await this.clock.advance(ms)
  }

  async stop(): Promise<void> {
    for (const node of this.all()) await node.stop()
    await this.clock.advance(0)
  }

  /** Nodes that are up, honest, and have the bytes. */
  holders({ digest }: KeptBlob): readonly KeeperNode[] {
    return this.all().filter((node) => node.isAlive && !node.isLiar && node.disk.blobs.has(digest))
  }

  /** Also of those that are down. */
  copies(digest: Sha256): number {
    return this.all().filter((node) => !node.isLiar && node.disk.blobs.has(digest)).length
  }

  /** How many blobs have how many copies. */
  census(): Readonly<Record<number, number>> {
    const census: Record<number, number> = {}
    for (const blob of this.kept.values()) {
      const copies = this.holders(blob).length
      census[copies] = (census[copies] ?? 0) + 1
    }
    return census
  }
}

interface MeshOptions {
  readonly seed?: number
  readonly replication?: number
}

export class KeeperNode {
  readonly id: NodeId
  readonly disk = new MemoryBlobs()
  readonly options: NodeOptions
  isAlive = false
  /** It says that it holds everything, and gives nothing. */
  isLiar = false
  /** Members that it does not reach, and that do not reach it. */
  readonly cutFrom = new Set<NodeId>()
  /** Bytes of other files on its disk. */
  others = 0
  /** Bytes that clients read. */
  readBytes = 0
  /** Bytes that came in. */
  written = 0
  keeper!: BlobKeeper
  meter!: BlobMeter<BlobStore>
  attendance!: Attendance
  readonly #mesh: KeeperMesh

  constructor(mesh: KeeperMesh, id: NodeId, options: NodeOptions) {
    this.#mesh = mesh
    this.id = id
    this.options = options
  }

  /** As a new process on what its disk holds. */
  async start(): Promise<void> {
    const mesh = this.#mesh
    const { diskBytes = DISK_BYTES, ...options } = this.options
    const remove = this.disk.remove.bind(this.disk)
    this.disk.remove = async (digest) => {
      mesh.onRemove(this, digest)
      await remove(digest)
    }
    this.meter = meterBlobs<BlobStore>(this.disk, mesh.clock)
    this.attendance = new Attendance(mesh.clock)
    this.isAlive = true
    this.keeper = new BlobKeeper(
      {
        clock: mesh.clock,
        random: mesh.random,
        log: this.log,
        meter: this.meter,
        source: this.#source(),
        kept: {
          slices: (blobs) => slicesOf([...mesh.kept.values()], blobs),
          find: (digest) => mesh.kept.get(digest)
        },
        peers: {
          keepers: () => this.#keepers(),
          isPresent: (node) => this.reaches(mesh.nodes.get(node)),
          members: () => mesh.nodes.size,
          ask: (node, digest, options) => this.#ask(mesh.nodes.get(node), digest, options)
        },
        lost: this.#lostBook(),
        space: { freeBytes: async () => diskBytes - this.others - this.usedBytes() },
        mayBeNeeded: async () => false,
        isWhole: async (digest) => sha256Hex(this.disk.blobs.get(digest) ?? '') === digest
      },
      { disk: 0, minFree: 0, ...options, self: this.id, replication: mesh.replication }
    )
    await this.keeper.start()
  }

  log: Log = silentLog

  /** As by `kill -9`: what it holds stays on its disk. */
  async stop(): Promise<void> {
    if (!this.isAlive) return
    this.isAlive = false
    await this.keeper.stop()
  }

  /** Bytes that came to be on this machine. */
  take(bytes: Uint8Array): Sha256 {
    this.written += bytes.byteLength
    if (!this.isAlive) return this.disk.put(bytes)
    void this.meter.store.write(one(bytes))
    return sha256Hex(bytes)
  }

  wipe(): void {
    this.disk.blobs.clear()
  }

  usedBytes(): number {
    let used = 0
    for (const { byteLength } of this.disk.blobs.values()) used += byteLength
    return used
  }

  reaches(node: KeeperNode | undefined): boolean {
    if (node === this) return true
    return this.isAlive && node?.isAlive === true && !this.cutFrom.has(node.id) && !node.cutFrom.has(this.id)
  }

  /** A client read it. */
  async use(digest: Sha256): Promise<void> {
    for await (const chunk of this.meter.store.read(digest)) this.readBytes += chunk.byteLength
  }

  /** What a question about a blob gets. */
  async answer(digest: Sha256, sample: BlobSample | undefined): Promise<Holding> {
    if (this.isLiar) return sample === undefined ? 'held' : 'missing'
    const size = await this.meter.store.size(digest)
    if (size === undefined) return 'missing'
    const bytes = this.disk.blobs.get(digest)!
    const shown = sample && bytes.subarray(sample.offset, sample.offset + sample.bytes.byteLength)
    return shown === undefined || Buffer.compare(shown, sample!.bytes) === 0 ? 'held' : 'missing'
  }

  #keepers(): readonly Keeper[] {
    const present = this.#mesh.all().filter((node) => this.reaches(node))
    this.attendance.note(present.map(({ id }) => id))
    return this.#mesh
      .all()
      .filter(({ id }) => this.attendance.wasHereLately(id))
      .map((node) => ({ node: node.id, room: node.isAlive ? node.keeper.hasRoom() : true }))
  }

  async #ask(
    node: KeeperNode | undefined,
    digest: Sha256,
    { sample, ...options }: AbortOptions & { readonly sample?: BlobSample }
  ): Promise<Holding> {
    this.#mesh.asked++
    await this.#mesh.clock.sleep(5, options)
    if (node === undefined || !this.reaches(node)) return 'silent'
    return node.answer(digest, sample)
  }

  /** Asks those that were named, then all that it reaches, and takes time for the bytes. */
  #source(): BlobSource {
    const mesh = this.#mesh
    return {
      ensure: async (digest: Sha256, { hint = [], signal }: EnsureOptions = {}) => {
        const nodes = new Set([...hint.map((id) => mesh.nodes.get(id)!), ...mesh.all()])
        let asked = 0
        for (const node of nodes) {
          if (node === this || !this.reaches(node)) continue
          asked++
          await mesh.clock.sleep(5, signal === undefined ? {} : { signal })
          const bytes = node.isLiar ? undefined : node.disk.blobs.get(digest)
          if (bytes === undefined || !this.reaches(node)) continue
          await mesh.clock.sleep(bytes.byteLength / 10_000, signal === undefined ? {} : { signal })
          mesh.transferred += bytes.byteLength
          this.written += bytes.byteLength
          await this.meter.store.write(one(bytes))
          return bytes.byteLength
        }
        throw new BlobError({ code: 'BLOB_UNAVAILABLE', digest, asked })
      }
    }
  }

  #lostBook(): LostBook {
    const { lost, said, clock } = this.#mesh
    return {
      isLost: (file) => lost.has(file),
      all: () => lost,
      say: async (kind, file) => {
        said.push({ by: this.id, kind, file, atMs: clock.monotonicMs() })
        if (kind === 'lost') lost.add(file)
        else lost.delete(file)
      }
    }
  }
}

async function* slicesOf(blobs: readonly KeptBlob[], count: number): AsyncIterable<readonly KeptBlob[]> {
  for (let at = 0; at < blobs.length; at += count) yield blobs.slice(at, at + count)
}

async function* one(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}

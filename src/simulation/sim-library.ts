import { sha256Hex } from '../core/digest.ts'
import type { NodeId, Sha256 } from '../core/ids.ts'
import type { BlobSource, BlobStore } from '../core/ports.ts'
import type { SimNetwork } from './sim-network.ts'
import type { DiskHost } from './sim-disk.ts'

/** Bytes that nodes hold and give each other: the pages of upstream. Once held they stay, whatever crashes. */
export class SimLibrary {
  readonly #bytes = new Map<Sha256, Uint8Array>()
  readonly #holders = new Map<Sha256, Set<NodeId>>()

  storeOf(node: NodeId): Pick<BlobStore, 'size' | 'read' | 'write'> {
    return {
      size: async (digest) => (this.#holds(node, digest) ? this.#bytes.get(digest)?.byteLength : undefined),
      read: (digest) => this.#read(node, digest),
      write: async (source) => this.#write(node, source)
    }
  }

  sourceOf(node: NodeId, network: SimNetwork, host: DiskHost): BlobSource {
    return {
      ensure: async (digest) => {
        if (!this.#holds(node, digest)) {
          await new Promise<void>((resolve) => {
            host.later(2 * network.delayMs(), resolve)
          })
          const giver = [...(this.#holders.get(digest) ?? [])].find(
            (holder) => network.processOf(holder)?.alive === true && network.areLinked(node, holder)
          )
          if (giver === undefined) throw new Error('nobody who can be reached has it')
          this.#holders.get(digest)?.add(node)
        }
        return this.#bytes.get(digest)?.byteLength ?? 0
      }
    }
  }

  #holds(node: NodeId, digest: Sha256): boolean {
    return this.#holders.get(digest)?.has(node) === true
  }

  async *#read(node: NodeId, digest: Sha256): AsyncIterable<Uint8Array> {
    const bytes = this.#bytes.get(digest)
    if (bytes === undefined || !this.#holds(node, digest)) throw new Error('not held here')
    yield bytes
  }

  async #write(
    node: NodeId,
    source: AsyncIterable<Uint8Array>
  ): Promise<{ readonly digest: Sha256; readonly size: number }> {
    const chunks: Uint8Array[] = []
    for await (const chunk of source) chunks.push(chunk)
    const [bytes = new Uint8Array(0), ...more] = chunks
    if (more.length > 0) throw new TypeError('pages are written in one piece')
    const digest = sha256Hex(bytes)
    this.#bytes.set(digest, bytes)
    const holders = this.#holders.get(digest)
    if (holders === undefined) this.#holders.set(digest, new Set([node]))
    else holders.add(node)
    return { digest, size: bytes.byteLength }
  }
}

import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { BlobError } from '../core/blob-error.ts'
import { pieceCount, pieceDigest, pieceRange } from '../core/blob-pieces.ts'
import { bytesToHex } from '../core/hex.ts'
import type { Sha256 } from '../core/ids.ts'
import { BLOB_CHUNK_BYTES, BLOB_PIECE_BYTES } from '../core/limits.ts'
import type { PiecedBlob, PiecePlan } from '../core/ports.ts'
import { removeFile } from './files.ts'
import type { HashThread, RunningHash } from './hash-thread.ts'

/** Bytes written between two rounds of sending them to the disk meanwhile, so that the end need not wait for all of them. */
const SYNC_EVERY_BYTES = 32 * 1024 * 1024
/** A piece that begins with so many zeros was never written, or may as well be fetched again. */
const HOLE_BYTES = 4_096
/** Read at once from the file to be hashed. */
const SEAL_BYTES = 1024 * 1024

export interface PiecedPlace {
  readonly digest: Sha256
  readonly path: string
  readonly hashes: HashThread
  /** Gives the finished file its name; its bytes are on the disk. */
  readonly finish: () => Promise<void>
  readonly release: () => void
  /** What the file system said, in our words. */
  readonly translate: (error: unknown) => Error
}

/**
 * A transfer by pieces: a sparse file as large as the blob, in which a piece stands or does not. Which ones stand is read
 * from the bytes themselves, so that nothing can promise what a power cut took. The digest of the whole is computed as
 * the pieces come in their turn, and from the file behind those that did not, so that the last piece is not the beginning of a
 * long wait.
 */
export class PiecedFile implements PiecedBlob {
  readonly #file: FileHandle
  readonly #place: PiecedPlace
  readonly #plan: PiecePlan
  readonly #held: boolean[]
  readonly #whole: RunningHash
  /** Pieces from the first on without a gap. */
  #closedUp = 0
  #sealedBytes = 0
  #sealing: Promise<void> | undefined
  /** Where the piece ends that is hashed as it is. */
  #sealingUntil = 0
  #unsyncedBytes = 0
  #syncing: Promise<void> | undefined
  #isOver = false

  private constructor(file: FileHandle, plan: PiecePlan, held: boolean[], place: PiecedPlace) {
    this.#file = file
    this.#plan = plan
    this.#place = place
    this.#held = held
    this.#whole = place.hashes.begin()
    this.#closeUp()
  }

  static async resume(file: FileHandle, plan: PiecePlan, place: PiecedPlace): Promise<PiecedFile> {
    try {
      return new PiecedFile(file, plan, await rightPieces(file, plan), place)
    } catch (error) {
      await file.close()
      throw place.translate(error)
    }
  }

  get size(): number {
    return this.#plan.size
  }

  checkedUntil(start: number): number {
    let index = Math.floor(start / BLOB_PIECE_BYTES)
    while (this.has(index)) index += 1
    return Math.max(start, Math.min(index * BLOB_PIECE_BYTES, this.#plan.size))
  }

  has(index: number): boolean {
    return this.#held[index] === true
  }

  async put(index: number, bytes: Uint8Array): Promise<boolean> {
    const { start, end } = pieceRange(this.#plan.size, index)
    if (this.has(index)) return true
    if (bytes.byteLength !== end - start || !(await this.#isRight(bytes, index))) return false
    const sealing = this.#sealFrom(start, bytes)
    try {
      await this.#translated(async () => {
        for (let at = 0; at < bytes.byteLength;) {
          at += (await this.#file.write(bytes, at, bytes.byteLength - at, start + at)).bytesWritten
        }
      })
    } finally {
      // the bytes are the caller's again after this
      await sealing
    }
    this.#held[index] = true
    this.#closeUp()
    this.#syncSomeOf(bytes.byteLength)
    return true
  }

  async read(start: number, end: number): Promise<Uint8Array | undefined> {
    if (this.#isOver) return undefined
    const length = Math.min(end, this.checkedUntil(start), start + BLOB_CHUNK_BYTES) - start
    if (length <= 0) throw new RangeError('these bytes are not checked yet')
    const buffer = Buffer.allocUnsafeSlow(length)
    return this.#translated(async () => {
      const { bytesRead } = await this.#file.read(buffer, 0, length, start)
      return buffer.subarray(0, bytesRead)
    })
  }

  async commit(): Promise<number> {
    const { size } = this.#plan
    if (this.#isOver || this.#closedUpBytes < size) throw new TypeError('pieces are missing')
    const { digest, path, finish } = this.#place
    try {
      await this.#translated(async () => {
        // a run that was just ending takes nothing along any more
        while (this.#sealedBytes < size) await this.#seal()
        const actual = bytesToHex(await this.#whole.end())
        if (actual !== digest) {
          await removeFile(path)
          throw new BlobError({ code: 'BLOB_MISMATCH', digest, actual })
        }
        await this.#syncing
        await this.#file.sync()
        await finish()
      })
    } finally {
      await this.suspend()
    }
    return size
  }

  async suspend(): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    // what reads or syncs the file in the background ends before the file is closed
    await Promise.allSettled([this.#sealing, this.#syncing])
    await Promise.allSettled([this.#whole.end()])
    this.#place.release()
    await this.#file.close()
  }

  /** From the first byte on without a gap. */
  get #closedUpBytes(): number {
    return Math.min(this.#closedUp * BLOB_PIECE_BYTES, this.#plan.size)
  }

  #closeUp(): void {
    while (this.#held[this.#closedUp] === true) this.#closedUp += 1
    // an error shows when the whole is asked for
    this.#seal().catch(() => undefined)
  }

  /** A right piece that comes in its turn is hashed as it is, and need not be read again. */
  async #sealFrom(start: number, bytes: Uint8Array): Promise<void> {
    // the one before may just be hashed
    if (this.#sealingUntil === start) await this.#sealing?.catch(() => undefined)
    if (this.#sealing !== undefined || this.#sealedBytes !== start) return
    this.#sealingUntil = start + bytes.byteLength
    this.#sealing = this.#translated(() => this.#sealBytes(bytes)).finally(() => {
      this.#sealing = undefined
    })
    await this.#sealing
  }

  async #sealBytes(bytes: Uint8Array): Promise<void> {
    await this.#whole.add(bytes)
    this.#sealedBytes += bytes.byteLength
  }

  /** Hashes what has closed up. One run at a time: it takes along what closes up meanwhile. */
  #seal(): Promise<void> {
    this.#sealing ??= this.#sealAll().finally(() => {
      this.#sealing = undefined
    })
    return this.#sealing
  }

  async #sealAll(): Promise<void> {
    if (this.#sealedBytes >= this.#closedUpBytes) return
    const buffer = Buffer.allocUnsafeSlow(SEAL_BYTES)
    while (this.#sealedBytes < this.#closedUpBytes) {
      const length = Math.min(SEAL_BYTES, this.#closedUpBytes - this.#sealedBytes)
      const { bytesRead } = await this.#file.read(buffer, 0, length, this.#sealedBytes)
      if (bytesRead === 0) throw new RangeError('the file became shorter while it was written')
      await this.#whole.add(buffer.subarray(0, bytesRead))
      this.#sealedBytes += bytesRead
    }
  }

  async #isRight(bytes: Uint8Array, index: number): Promise<boolean> {
    const digest = await this.#translated(() => this.#place.hashes.digest(bytes))
    return Buffer.compare(digest, pieceDigest(this.#plan.list, index)) === 0
  }

  #syncSomeOf(bytes: number): void {
    this.#unsyncedBytes += bytes
    if (this.#unsyncedBytes < SYNC_EVERY_BYTES || this.#syncing !== undefined || this.#isOver) return
    this.#unsyncedBytes = 0
    this.#syncing = this.#file
      .datasync()
      // the last sync tells
      .catch(() => undefined)
      .finally(() => {
        this.#syncing = undefined
      })
  }

  async #translated<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (error) {
      throw error instanceof BlobError ? error : this.#place.translate(error)
    }
  }
}

/** Which pieces stand in the file, by their digests: nobody vouches for what a process that died has left. */
async function rightPieces(file: FileHandle, plan: PiecePlan): Promise<boolean[]> {
  const held = new Array<boolean>(pieceCount(plan.size)).fill(false)
  const { size: written } = await file.stat()
  if (written === 0) return held
  const buffer = Buffer.allocUnsafeSlow(BLOB_CHUNK_BYTES)
  for (const index of held.keys()) {
    const { start, end } = pieceRange(plan.size, index)
    if (end <= written)
      held[index] = await isRightOnDisk(file, { start, end, buffer }, pieceDigest(plan.list, index))
  }
  return held
}

async function isRightOnDisk(
  file: FileHandle,
  { start, end, buffer }: { readonly start: number; readonly end: number; readonly buffer: Uint8Array },
  expected: Uint8Array
): Promise<boolean> {
  const hash = createHash('sha256')
  for (let at = start; at < end;) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.byteLength, end - at), at)
    if (bytesRead === 0) return false
    if (at === start && buffer.subarray(0, Math.min(bytesRead, HOLE_BYTES)).every((byte) => byte === 0))
      return false
    hash.update(buffer.subarray(0, bytesRead))
    at += bytesRead
  }
  return hash.digest().equals(expected)
}

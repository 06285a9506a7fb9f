import { createHash } from 'node:crypto'
import { basename, join } from 'node:path'
import { isSha256, type Sha256 } from '../core/ids.ts'
import type { ExportClient } from './export-client.ts'
import { badAnswer } from './export-error.ts'
import { digestOf, linkTarget, putFiles, putLink, putStream, sizeOf } from './export-files.ts'
import type { ListedFiles, ListedWheel } from './export-page.ts'

export interface FetchedCounts {
  readonly files: number
  readonly bytes: number
}

/**
 * Brings the files of projects into the folder, through the node, which gets them from whoever has them. Each is checked
 * against its digest before it has its name, so that whatever has a name is whole: a run that was interrupted goes on there.
 */
export class WheelFetcher {
  readonly #client: ExportClient
  readonly #folder: string
  readonly #verify: boolean
  readonly #onBytes: (bytes: number) => void
  #files = 0
  #bytes = 0

  constructor(
    client: ExportClient,
    options: {
      readonly folder: string
      /** Reads every file that is there, instead of looking at its size. */
      readonly verify: boolean
      readonly onBytes: (bytes: number) => void
    }
  ) {
    this.#client = client
    this.#folder = options.folder
    this.#verify = options.verify
    this.#onBytes = options.onBytes
  }

  fetched(): FetchedCounts {
    return { files: this.#files, bytes: this.#bytes }
  }

  /** Digests of the files that cannot be had at the moment. */
  async fetchAll({ wheels, logs }: ListedFiles): Promise<readonly Sha256[]> {
    const missing: Sha256[] = []
    for (const wheel of wheels) {
      const [hasBytes, hasMetadata] = [await this.#wheel(wheel), await this.#metadata(wheel)]
      if (!hasBytes || !hasMetadata) missing.push(wheel.sha256)
    }
    for (const digest of logs) if (!(await this.#log(digest))) missing.push(digest)
    return missing
  }

  async #wheel({ sha256, filename, size }: ListedWheel): Promise<boolean> {
    const path = join(this.#folder, 'files', sha256, filename)
    if ((await sizeOf(path)) === size && (await this.#isWhole(path, sha256))) return true
    return this.#stream(`files/${sha256}/${encodeURIComponent(filename)}`, path, { sha256, size })
  }

  async #log(sha256: Sha256): Promise<boolean> {
    const path = join(this.#folder, 'logs', `${sha256}.gz`)
    if (((await sizeOf(path)) ?? 0) > 0 && (await this.#isWhole(path, sha256))) return true
    return this.#stream(`logs/${sha256}`, path, { sha256 })
  }

  /** METADATA lies under its own digest, which is its tag; the name that clients ask for leads there. */
  async #metadata({ sha256, filename }: ListedWheel): Promise<boolean> {
    const folder = join(this.#folder, 'files', sha256)
    const link = join(folder, `${filename}.metadata`)
    const target = await linkTarget(link)
    if (target !== undefined && ((await sizeOf(link)) ?? 0) > 0) {
      if (await this.#isWhole(join(folder, target), basename(target, '.metadata'))) return true
    }
    const path = `files/${sha256}/${encodeURIComponent(filename)}.metadata`
    const { status, headers, body } = await this.#client.get(path)
    if (status !== 200) return false
    const digest = createHash('sha256').update(body).digest('hex')
    if (headers.etag !== `"${digest}"`) throw badAnswer(path, `its bytes have the digest ${digest}`)
    this.#count(await putFiles(folder, [{ name: `${digest}.metadata`, bytes: body }]))
    await putLink(link, `${digest}.metadata`)
    return true
  }

  async #isWhole(path: string, sha256: string): Promise<boolean> {
    return !this.#verify || (isSha256(sha256) && (await digestOf(path)) === sha256)
  }

  async #stream(
    path: string,
    to: string,
    expected: { readonly sha256: Sha256; readonly size?: number }
  ): Promise<boolean> {
    let size = 0
    const { status } = await this.#client
      .stream(path, { 'accept-encoding': 'gzip' }, async (body) => {
        size = await putStream(to, body, expected)
      })
      .catch((error: unknown) => {
        if (error instanceof RangeError) throw badAnswer(path, error.message)
        throw error
      })
    if (status === 200) this.#count(size)
    return status === 200
  }

  #count(bytes: number): void {
    this.#files += 1
    this.#bytes += bytes
    this.#onBytes(bytes)
  }
}

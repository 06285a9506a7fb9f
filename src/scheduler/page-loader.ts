import { messageOf } from '../core/errors.ts'
import type { ProjectName, Sha256 } from '../core/ids.ts'
import type { BlobSource, BlobStore, Clock, Log } from '../core/ports.ts'
import type { Observations } from '../ledger/observations.ts'
import type { PageBook } from '../ledger/page-book.ts'
import { Turns } from './turns.ts'

export interface PageLoaderParts {
  readonly observations: Observations
  readonly pages: PageBook
  readonly store: BlobStore
  readonly blobs: BlobSource
  readonly clock: Clock
  readonly log: Log
}

/** Pages that are brought at once in the background: of a ledger that has just been synced, thousands are missing. */
const NEEDED_AT_ONCE = 8
/** Waits between tries for a page that nobody could give; the last one repeats. */
const RETRY_MS = [500, 1_000, 2_000, 5_000, 15_000, 60_000]

/** Brings the pages that records speak of from whoever holds them, each once at a time. */
export interface PageLoader {
  /** True once the newest observed page is parsed, false when it could not be had now. */
  load(project: ProjectName): Promise<boolean>
  /** Reads the page if its bytes are on this node and it is not known yet; true when it was put into the page book by this. */
  loadHeld(project: ProjectName): Promise<boolean>
  /** Keeps trying in the background; the page book tells when the page came. */
  need(project: ProjectName): void
  stop(): void
}

export function createPageLoader(parts: PageLoaderParts): PageLoader {
  const running = new Map<ProjectName, Promise<boolean>>()
  const needed = new Set<ProjectName>()
  const ending = new AbortController()
  const turns = new Turns(NEEDED_AT_ONCE)

  async function bring(project: ProjectName): Promise<boolean> {
    const observation = parts.observations.newest(project)
    if (parts.pages.page(project) !== undefined) return true
    if (observation?.record.page === undefined) return false
    const digest = observation.record.page
    await parts.blobs.ensure(digest, { hint: [observation.author], signal: ending.signal })
    if (!parts.pages.put(project, digest, await readAll(parts.store, digest))) {
      parts.log.warn('an observed page is no page', { project, digest, author: observation.author })
      return false
    }
    return true
  }

  function load(project: ProjectName): Promise<boolean> {
    const known = running.get(project)
    if (known !== undefined) return known
    const loading = bring(project)
      .catch((error: unknown) => {
        parts.log.debug('a page could not be brought', { project, error: messageOf(error) })
        return false
      })
      .finally(() => running.delete(project))
    running.set(project, loading)
    return loading
  }

  async function loadHeld(project: ProjectName): Promise<boolean> {
    const digest = parts.pages.missing(project)?.record.page
    if (digest === undefined || (await parts.store.size(digest)) === undefined) return false
    return load(project)
  }

  async function keepTrying(project: ProjectName): Promise<void> {
    for (let tries = 0; !ending.signal.aborted; tries++) {
      if (await turns.run(async () => ending.signal.aborted || (await load(project)))) return
      await parts.clock.sleep(RETRY_MS[Math.min(tries, RETRY_MS.length - 1)] ?? 0, { signal: ending.signal })
    }
  }

  return {
    load,
    loadHeld,
    need(project) {
      if (needed.has(project) || ending.signal.aborted) return
      needed.add(project)
      void keepTrying(project)
        .catch(() => undefined)
        .finally(() => needed.delete(project))
    },
    stop() {
      ending.abort(new Error('the node stops'))
    }
  }
}

async function readAll(store: BlobStore, digest: Sha256): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of store.read(digest)) chunks.push(chunk)
  const body = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.byteLength, 0))
  let offset = 0
  for (const chunk of chunks) {
    body.set(chunk, offset)
    offset += chunk.byteLength
  }
  return body
}

import { sha256Hex } from '../core/digest.ts'
import { messageOf } from '../core/errors.ts'
import type { ProjectName, Sha256 } from '../core/ids.ts'
import {
  MAX_ETAG_CHARS,
  MAX_MISSING_NAMES,
  MAX_STALE_TRIES,
  MAX_UPSTREAM_CHECKS,
  MISSING_FRESH_MS
} from '../core/limits.ts'
import type { BlobStore, Clock, UpstreamAnswer, UpstreamIndex, UpstreamPage } from '../core/ports.ts'
import type { ObservedRecord } from '../core/record.ts'
import { UpstreamError } from '../core/upstream-error.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import type { PageBook } from '../ledger/page-book.ts'
import { Recent } from '../ledger/recent.ts'
import { OpenCalls } from './open-calls.ts'
import type { UpstreamGate } from './upstream-gate.ts'

export interface PageVisitsParts {
  readonly state: MeshState
  readonly pages: PageBook
  readonly upstream: UpstreamIndex
  readonly store: BlobStore
  readonly ledger: Pick<Ledger, 'append'>
  readonly clock: Clock
  readonly gate: UpstreamGate
}

/** What the last visit came to. */
interface Check {
  readonly atMs: number
  /** Upstream's tag of the page of this digest. */
  readonly etag: string
  readonly page?: Sha256 | undefined
  readonly failures: number
  readonly error: string
}

interface VisitOptions {
  /** The bytes are needed, whether they changed or not. */
  readonly anew?: boolean
}

const NO_CHECK: Check = { atMs: -Infinity, etag: '', failures: 0, error: '' }

/** A serial that upstream's list named, and answers since then that were older. */
interface Expected {
  readonly serial: number
  readonly tries: number
}

/** Visits single pages upstream: what is news becomes a record, what is older than what is known does not. */
export class PageVisits {
  readonly #parts: PageVisitsParts
  readonly #checks = new Recent<ProjectName, Check>(MAX_UPSTREAM_CHECKS, () => 1)
  readonly #missing = new Recent<ProjectName, number>(MAX_MISSING_NAMES, () => 1)
  readonly #expected = new Recent<ProjectName, Expected>(MAX_UPSTREAM_CHECKS, () => 1)
  readonly #running = new Map<ProjectName, Promise<void>>()
  readonly #calls = new OpenCalls()

  constructor(parts: PageVisitsParts) {
    this.#parts = parts
  }

  stop(): void {
    this.#calls.end()
  }

  /** One request, which the gate let through; visitors of one project at the same time share it. */
  visit(project: ProjectName, { anew = false }: VisitOptions = {}): Promise<void> {
    const known = this.#running.get(project)
    if (known !== undefined) return known
    const visiting = this.#visit(project, anew).finally(() => this.#running.delete(project))
    this.#running.set(project, visiting)
    return visiting
  }

  isRunning(project: ProjectName): boolean {
    return this.#running.has(project)
  }

  ageMs(project: ProjectName): number | undefined {
    const { clock, state } = this.#parts
    const observation = state.observations.newest(project)
    if (observation === undefined) return undefined
    const recorded = Math.max(0, clock.wallMs() - observation.record.observedMs)
    // Each request for a page comes here; a visit is what keeps a check.
    const check = this.#checks.peek(project)
    return check?.failures === 0 ? Math.min(recorded, clock.monotonicMs() - check.atMs) : recorded
  }

  /** Milliseconds since upstream said that it has no such project; undefined: it did not. */
  missingAgeMs(project: ProjectName): number | undefined {
    const atMs = this.#missing.get(project)
    return atMs === undefined ? undefined : this.#nowMs() - atMs
  }

  trouble(project: ProjectName): string {
    return this.#checks.get(project)?.error ?? ''
  }

  /** Failures in a row, and when the last one was. */
  failures(project: ProjectName): { readonly count: number; readonly atMs: number } {
    const check = this.#checks.get(project)
    return { count: check?.failures ?? 0, atMs: check?.atMs ?? -Infinity }
  }

  /** Somebody else asked upstream, so long ago, and what came of it is in the ledger. */
  heard(project: ProjectName, ageMs: number): void {
    this.#checks.set(project, { atMs: this.#nowMs() - ageMs, etag: '', failures: 0, error: '' })
  }

  missing(project: ProjectName, ageMs: number): void {
    this.#missing.set(project, this.#nowMs() - Math.min(ageMs, MISSING_FRESH_MS))
  }

  /** It exists after all, as far as somebody says. */
  mayExist(project: ProjectName): void {
    this.#missing.delete(project)
  }

  /** Upstream's list names this serial: an older page comes from a cache that lags behind. */
  expect(project: ProjectName, serial: number): void {
    if ((this.#expected.get(project)?.serial ?? 0) < serial) this.#expected.set(project, { serial, tries: 0 })
  }

  /** Takes note, and gives the error back to be thrown. */
  failed(project: ProjectName, error: unknown): unknown {
    const before = this.#checks.get(project) ?? NO_CHECK
    // Who was not asked has not failed.
    const spared = error instanceof UpstreamError && error.code === 'UPSTREAM_SPARED'
    const atMs = spared ? before.atMs : this.#nowMs()
    const failures = before.failures + (spared ? 0 : 1)
    const text = spared && before.error !== '' ? before.error : messageOf(error)
    this.#checks.set(project, { ...before, atMs, failures, error: text })
    return error
  }

  async #visit(project: ProjectName, anew: boolean): Promise<void> {
    const { upstream, gate } = this.#parts
    try {
      const etag = anew ? '' : await this.#tagOf(project)
      const answer = await gate.run(() =>
        this.#calls.run((signal) => upstream.project(project, { signal, ...(etag === '' ? {} : { etag }) }))
      )
      await this.#take(project, answer)
      const tag = answer.kind === 'page' ? answer.page.etag : answer.kind === 'missing' ? '' : etag
      const page = this.#parts.state.observations.newest(project)?.record.page
      this.#checks.set(project, { atMs: this.#nowMs(), etag: tag, page, failures: 0, error: '' })
    } catch (error) {
      throw this.failed(project, error)
    }
  }

  /** By which upstream tells whether the page changed. That of a page which this node lacks would make upstream say "you have it". */
  async #tagOf(project: ProjectName): Promise<string> {
    const { state, pages, store } = this.#parts
    const newest = state.observations.newest(project)?.record
    if (newest?.page === undefined) return ''
    if (pages.page(project) === undefined && (await store.size(newest.page)) === undefined) return ''
    const check = this.#checks.get(project)
    return check?.page === newest.page ? check.etag : (newest.etag ?? '')
  }

  async #take(project: ProjectName, answer: UpstreamAnswer): Promise<void> {
    if (answer.kind === 'missing') return this.#takeMissing(project)
    this.#missing.delete(project)
    const newest = this.#parts.state.observations.newest(project)?.record
    const serial = answer.kind === 'page' ? answer.page.serial : (newest?.serial ?? 0)
    const stale = this.#staleness(project, serial, newest)
    // An old page is better than none; it is replaced as soon as a newer one comes.
    if (answer.kind === 'page' && (stale === undefined || newest === undefined))
      await this.#record(project, answer.page, newest)
    if (stale !== undefined && newest !== undefined) throw stale
  }

  #staleness(
    project: ProjectName,
    serial: number,
    newest: ObservedRecord | undefined
  ): UpstreamError | undefined {
    const expected = this.#expected.get(project)
    const known = Math.max(newest?.serial ?? 0, expected?.serial ?? 0)
    if (serial >= known) this.#expected.delete(project)
    else if (expected !== undefined && expected.tries + 1 >= MAX_STALE_TRIES) this.#expected.delete(project)
    else if (expected !== undefined) this.#expected.set(project, { ...expected, tries: expected.tries + 1 })
    return serial < known ? new UpstreamError({ code: 'UPSTREAM_STALE', project, serial, known }) : undefined
  }

  async #record(project: ProjectName, page: UpstreamPage, newest: ObservedRecord | undefined): Promise<void> {
    const { ledger, pages, clock } = this.#parts
    const digest = sha256Hex(page.body)
    if (newest?.page === digest) {
      // Unchanged, but its bytes are not here and nobody gave them.
      if (pages.page(project) === undefined) await this.#keep(project, page)
      return
    }
    await this.#keep(project, page)
    await ledger.append({
      kind: 'observed',
      project,
      serial: page.serial,
      page: digest,
      pageSize: page.body.byteLength,
      observedMs: laterThan(newest, clock),
      ...(isShortTag(page.etag) && { etag: page.etag })
    })
  }

  async #keep(project: ProjectName, page: UpstreamPage): Promise<void> {
    const { digest } = await this.#parts.store.write(once(page.body))
    this.#parts.pages.put(project, digest, page.body)
  }

  /** A name that nobody wants and that never was is remembered for a while, and never recorded: there is no end of such names. */
  async #takeMissing(project: ProjectName): Promise<void> {
    const { state, ledger, clock } = this.#parts
    this.#missing.set(project, this.#nowMs())
    this.#expected.delete(project)
    const newest = state.observations.newest(project)?.record
    if (newest === undefined && state.wishes.forProject(project).length === 0) return
    if (newest !== undefined && newest.page === undefined) return
    const serial = newest?.serial ?? 0
    await ledger.append({
      kind: 'observed',
      project,
      serial,
      pageSize: 0,
      observedMs: laterThan(newest, clock)
    })
  }

  #nowMs(): number {
    return this.#parts.clock.monotonicMs()
  }
}

/** An observation replaces the one before it, even if that one's observer had a clock that ran ahead. */
function laterThan(newest: ObservedRecord | undefined, clock: Clock): number {
  return Math.max(clock.wallMs(), (newest?.observedMs ?? 0) + 1)
}

/** Upstream's text, for every ledger: bounded, and of one line. */
function isShortTag(etag: string): boolean {
  return etag !== '' && etag.length <= MAX_ETAG_CHARS && /^[\x20-\x7e]*$/.test(etag)
}

async function* once(body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield body
}

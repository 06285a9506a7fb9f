import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import type { NodeId, TargetId } from '../../src/core/ids.ts'
import { jobId } from '../../src/core/job.ts'
import type { MergedProject } from '../../src/core/merge-index.ts'
import { parseProjectPage } from '../../src/core/parse-project-page.ts'
import type { ProjectPage } from '../../src/core/project-page.ts'
import type { PublishedWheel } from '../../src/core/published.ts'
import type { WheelRef } from '../../src/core/record.ts'
import { type AppParts, createApp, type NodeApp } from '../../src/http/app.ts'
import type { EventView, JobView, StatusView } from '../../src/http/api-types.ts'
import type { ControlSource } from '../../src/http/api-routes.ts'
import { FakeClock, silentLog } from '../support/test-ports.ts'
import { MemoryFiles } from './memory-files.ts'
import { somePeople } from './people-fixtures.ts'

export const CP311 = 'cp311-linux_armv7l-glibc2.36' as TargetId
export const CP313 = 'cp313-linux_aarch64-glibc2.41' as TargetId
export const BUILDER = '12D3KooWEtQhQWVDs2jyLbmfVcqbNg1ws3rLVYBjGp8gWeDcPg6v' as NodeId
export const TOKEN = 'a-token-of-the-test'

/** An upstream file as PEP 691 JSON has it. */
export function upstreamFile(
  filename: string,
  over: Readonly<Record<string, unknown>> = {}
): Record<string, unknown> {
  return {
    filename,
    url: `https://files.invalid/${filename}`,
    hashes: { sha256: sha256Hex(filename) },
    size: 1_000,
    'upload-time': '2026-01-02T03:04:05.678901Z',
    yanked: false,
    ...over
  }
}

export function upstreamPage(
  files: readonly Readonly<Record<string, unknown>>[],
  over: Readonly<Record<string, unknown>> = {}
): ProjectPage {
  const json = {
    meta: { 'api-version': '1.4', '_last-serial': 7 },
    name: 'demo',
    versions: ['1.0'],
    files,
    ...over
  }
  return parseProjectPage(json, normalizeName('demo'))
}

export function aWheelRef(filename: string, over: Partial<WheelRef> = {}): WheelRef {
  return {
    filename,
    sha256: sha256Hex(`bytes of ${filename}`),
    size: 2_000,
    metadata: sha256Hex(`metadata of ${filename}`),
    metadataSize: 100,
    requiresPython: '>=3.8',
    aptPackages: ['libjpeg62-turbo'],
    glibcFloor: '2.34',
    ...over
  }
}

export function aPublished(filename: string, over: Partial<PublishedWheel> = {}): PublishedWheel {
  const project = normalizeName('demo')
  return {
    project,
    version: '1.0',
    target: CP311,
    job: jobId(project, '1.0', CP311),
    wheel: aWheelRef(filename),
    builder: BUILDER,
    publishedMs: 1_767_225_600_123,
    durationMs: 1_000,
    log: { sha256: sha256Hex('log'), size: 10 },
    channel: 'stable',
    ...over
  }
}

export function aMerged(over: Partial<MergedProject> = {}): MergedProject {
  const page = upstreamPage([upstreamFile('demo-1.0.tar.gz')])
  const { name, rest, files } = page
  return { name, status: 'active', rest, versions: ['1.0'], files, oursCount: 0, ...over }
}

export function aJobView(over: Partial<JobView> = {}): JobView {
  return {
    id: `demo==1.0@${CP311}`,
    project: 'demo',
    version: '1.0',
    target: CP311,
    state: 'queued',
    reason: '',
    attempts: 0,
    builds: 0,
    ...over
  }
}

export function aStatus(over: Partial<StatusView> = {}): StatusView {
  return {
    mesh: { id: sha256Hex('mesh'), name: 'garden' },
    node: {
      id: BUILDER,
      label: 'pi-kitchen',
      version: '0.1.0',
      uptimeMs: 5_000,
      mode: 'running',
      pauses: [],
      roles: ['build', 'index'],
      targets: [CP311],
      running: []
    },
    peers: { connected: 1, known: 2 },
    queue: [{ target: CP311, queued: 1, claimed: 0, done: 2, failed: 0 }],
    coordinators: [{ shard: CP311, node: BUILDER, term: 3 }],
    ledger: { feeds: 3, entries: 40, waits: false },
    storage: { writable: true, missing: 0 },
    copies: {
      room: true,
      usedBytes: 7,
      freeBytes: 8,
      disk: 0,
      minFree: 0,
      owed: 4,
      lacking: 0,
      unavailable: 0,
      lost: 0,
      fetchedBytes: 0,
      droppedBytes: 0
    },
    upstream: {
      follow: 'watched',
      self: false,
      observer: BUILDER,
      answerAgeMs: 4_000,
      trouble: '',
      watched: 0,
      backlog: 0,
      requests: 6,
      requestsLastHour: 6,
      demand: { on: true, counted: 0, wants: 0 }
    },
    ...over
  }
}

export class FakeControl implements ControlSource {
  readonly calls: unknown[] = []
  readonly listeners = new Set<(event: EventView) => void>()

  emit(event: EventView): void {
    for (const listener of this.listeners) listener(event)
  }

  subscribe(listener: (event: EventView) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  status = async (): Promise<StatusView> => aStatus()
  nodes: ControlSource['nodes'] = async () => []
  jobs: ControlSource['jobs'] = async (filter) => (this.calls.push(filter), [aJobView()])
  unlocks: ControlSource['unlocks'] = async () => []
  builds: ControlSource['builds'] = async (filter) => (this.calls.push(filter), [])
  wants: ControlSource['wants'] = async (id) => (this.calls.push({ id }), [])
  why: ControlSource['why'] = async (project) =>
    project === normalizeName('demo')
      ? { project, upstream: true, targets: [CP311], versions: [] }
      : undefined
  want: ControlSource['want'] = async (request) => (
    this.calls.push(request),
    { want: 'w1', jobs: [aJobView()] }
  )
  invite: ControlSource['invite'] = async (request) => (this.calls.push(request), { ticket: 'cw1-ticket' })
  act: ControlSource['act'] = async (action, request) => (
    this.calls.push(action === 'pause' ? request : action),
    { mode: 'paused', pauses: [], running: [] }
  )
}

export interface TestApp {
  readonly app: NodeApp
  readonly parts: AppParts
  readonly files: MemoryFiles
  readonly control: FakeControl
  readonly clock: FakeClock
}

async function* noneOf(): AsyncGenerator<never> {
  // Nothing to say.
}

/** A whole app over fakes, any of which can be replaced. */
export function testApp(over: Partial<AppParts> = {}): TestApp {
  const files = new MemoryFiles()
  const control = new FakeControl()
  const clock = new FakeClock()
  const index: AppParts['index'] = {
    project: async (name) =>
      name === normalizeName('demo') ? { merged: aMerged(), revision: '1' } : undefined,
    projectNames: async () => ['demo']
  }
  const parts: AppParts = {
    index,
    staged: index,
    files,
    logs: { has: () => false, open: () => Promise.reject(new Error('no log')) },
    projects: { view: async () => undefined },
    people: somePeople(),
    control,
    health: {
      health: async () => ({ ok: true, problems: [] }),
      metrics: async () => ({ contentType: 'text/plain; version=0.0.4', text: 'up 1\n' })
    },
    storage: { verify: () => noneOf(), entries: () => noneOf() },
    clock,
    log: silentLog,
    ...over
  }
  return { app: createApp(parts, { token: TOKEN }), parts, files, control, clock }
}

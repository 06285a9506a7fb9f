import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client'
import { PAUSE_CAUSES } from './pausing/pause-board.ts'
import type { CopiesView, StatusView, UpstreamView } from '../http/api-types.ts'

/** Everything that /metrics says; docs/metrics.md lists it. */
export interface Metrics {
  text(status: StatusView): Promise<{ readonly contentType: string; readonly text: string }>
}

export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'commonwheel_' })
  const registers = [registry]
  const peers = new Gauge({ name: 'commonwheel_peers', help: 'Members with an open connection', registers })
  const entries = new Gauge({
    name: 'commonwheel_ledger_entries',
    help: 'Entries of all feeds held here',
    registers
  })
  const running = new Gauge({
    name: 'commonwheel_builds_running',
    help: 'Builds running on this node',
    registers
  })
  const jobs = new Gauge({
    name: 'commonwheel_jobs',
    help: 'Jobs by target and by what is left to do',
    labelNames: ['target', 'state'] as const,
    registers
  })
  const paused = new Gauge({
    name: 'commonwheel_paused',
    help: '1: this node begins no builds, for this cause',
    labelNames: ['cause'] as const,
    registers
  })
  const setCopies = copiesGauges(registers)
  const setUpstream = upstreamGauges(registers)
  return {
    async text(status) {
      setCopies(status.copies)
      setUpstream(status.upstream)
      peers.set(status.peers.connected)
      entries.set(status.ledger.entries)
      running.set(status.node.running.length)
      paused.reset()
      for (const cause of PAUSE_CAUSES) paused.set({ cause }, 0)
      for (const { cause } of status.node.pauses) paused.set({ cause }, 1)
      for (const { target, queued, claimed, done, failed } of status.queue) {
        for (const [state, count] of Object.entries({ queued, claimed, done, failed }))
          jobs.set({ target, state }, count)
      }
      return { contentType: registry.contentType, text: await registry.metrics() }
    }
  }
}

function copiesGauges(registers: Registry[]): (copies: CopiesView) => void {
  const used = new Gauge({ name: 'commonwheel_blob_bytes', help: 'Bytes that blobs take here', registers })
  const free = new Gauge({
    name: 'commonwheel_disk_free_bytes',
    help: 'Free on the file system of the blobs',
    registers
  })
  const room = new Gauge({
    name: 'commonwheel_room',
    help: '1: this node takes copies of blobs of others',
    registers
  })
  const blobs = new Gauge({
    name: 'commonwheel_blobs',
    help: 'Blobs that this node is to hold, by how that stands',
    labelNames: ['state'] as const,
    registers
  })
  return (copies) => {
    used.set(copies.usedBytes ?? 0)
    free.set(copies.freeBytes)
    room.set(copies.room ? 1 : 0)
    const { owed, lacking, unavailable, lost } = copies
    for (const [state, count] of Object.entries({ owed, lacking, unavailable, lost }))
      blobs.set({ state }, count)
  }
}

function upstreamGauges(registers: Registry[]): (upstream: UpstreamView) => void {
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers })
  const up = gauge('commonwheel_upstream_up', '1: nothing is known to be wrong with upstream')
  const observing = gauge('commonwheel_upstream_observing', '1: this node follows upstream for the mesh')
  const age = gauge(
    'commonwheel_upstream_answer_age_seconds',
    'Since upstream answered this node; -1: not since it started'
  )
  const watched = gauge('commonwheel_upstream_watched', 'Projects that this node asks for in turn')
  const requests = counter('commonwheel_upstream_requests_total', 'Requests of this node to upstream')
  const counted = gauge(
    'commonwheel_demand_counted',
    'Pairs of project and target that clients asked for lately'
  )
  const wants = counter('commonwheel_demand_wants_total', 'Wants that this node wrote for clients')
  return ({ trouble, self, answerAgeMs, demand, ...upstream }) => {
    up.set(trouble === '' ? 1 : 0)
    observing.set(self ? 1 : 0)
    age.set(answerAgeMs === undefined ? -1 : answerAgeMs / 1_000)
    watched.set(upstream.watched)
    requests(upstream.requests)
    counted.set(demand.counted)
    wants(demand.wants)
  }

  /** What is counted elsewhere, told as a counter. */
  function counter(name: string, help: string): (count: number) => void {
    const made = new Counter({ name, help, registers })
    let told = 0
    return (count) => {
      made.inc(Math.max(0, count - told))
      told = Math.max(told, count)
    }
  }
}

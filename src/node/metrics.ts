import { Gauge, Registry, collectDefaultMetrics } from 'prom-client'
import type { CopiesView, StatusView } from '../http/api-types.ts'

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
  const setCopies = copiesGauges(registers)
  return {
    async text(status) {
      setCopies(status.copies)
      peers.set(status.peers.connected)
      entries.set(status.ledger.entries)
      running.set(status.node.running.length)
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

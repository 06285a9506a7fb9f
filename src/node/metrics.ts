import { Gauge, Registry, collectDefaultMetrics } from 'prom-client'
import type { StatusView } from '../http/api-types.ts'

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
  return {
    async text(status) {
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

import { sha256Hex } from '../core/digest.ts'
import { jobId } from '../core/job.ts'
import type { JobId } from '../core/ids.ts'
import type { BuildReport, WheelBuilder } from '../core/ports.ts'
import { buildOutcome } from './sim-packages.ts'
import type { SimProcess } from './sim-process.ts'
import type { SimUpstream } from './sim-upstream.ts'

export interface BuildWatcher {
  onBegin(process: SimProcess, job: JobId): void
  onEnd(process: SimProcess, job: JobId): void
}

const LOG = sha256Hex('a log')

/** A builder that takes the time and comes to the outcome that the package prescribes. */
export function simBuilder(process: SimProcess, upstream: SimUpstream, watcher: BuildWatcher): WheelBuilder {
  const { machine } = process
  return {
    async build({ job }, { signal, ...hooks }): Promise<BuildReport> {
      const id = jobId(job.project, job.version, job.target)
      const built = upstream.packageOf(job.project)
      if (built === undefined) throw new Error(`${job.project} is not upstream`)
      const attempt = process.state.results.ofJob(id).length
      const salt = `${process.id} ${process.boot} ${machine.clock.monotonicMs()}`
      const outcome = buildOutcome(built, { version: job.version, target: job.target, attempt, salt })
      watcher.onBegin(process, id)
      try {
        await machine.clock.sleep(outcome.durationMs * 0.1, { signal })
        hooks.onPhase('build')
        await machine.clock.sleep(outcome.durationMs * 0.9, { signal })
      } finally {
        watcher.onEnd(process, id)
      }
      return {
        ...(outcome.wheel === undefined ? {} : { wheel: outcome.wheel }),
        ...(outcome.failure === undefined ? {} : { failure: outcome.failure }),
        log: { sha256: LOG, size: 1 },
        durationMs: outcome.durationMs,
        environment: {
          digest: sha256Hex(job.target),
          python: 'CPython',
          compiler: 'gcc',
          os: 'simulated',
          sandboxLevel: 2,
          requirements: []
        }
      }
    }
  }
}

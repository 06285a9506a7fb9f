import { readCanaryFile } from '../canary-file.ts'
import { type Check, failure, ok, skipped } from './check.ts'

/** Of a log, in one sentence. */
const MAX_LOG_CHARS = 600

export const canary: Check = {
  id: 'canary',
  title: 'canary build',
  why: 'A machine that cannot build a package known to be good fails strangers’ packages, too: it is paused until it can.',
  async run({ config }) {
    if (!config.roles.includes('build')) return skipped('this node has no build role')
    const file = await readCanaryFile(config.dataDir)
    if (file === undefined) return skipped('none was built yet: a node builds it when it starts')
    const at = new Date(file.atMs).toISOString()
    const bad = file.runs.filter(({ trouble }) => trouble !== '')
    if (bad.length > 0) {
      const found = bad.map(({ target, trouble, logLines }) => {
        const log = logLines.join(' | ').slice(-MAX_LOG_CHARS)
        return `${target}: ${trouble} (log: ${log})`
      })
      return failure(
        `it failed at ${at}: ${found.join('; ')}`,
        'mend what its log names; the node tries again by itself'
      )
    }
    const good = file.runs.map(({ target, durationMs }) => `${target} in ${(durationMs / 1000).toFixed(1)} s`)
    return ok(`built for ${good.join(', ')}, at ${at}`)
  }
}

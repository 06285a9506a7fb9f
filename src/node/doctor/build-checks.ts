import { chmod, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findBuildUser } from '../../build/build-user.ts'
import { prepareBuildPlace, removeTree } from '../../build/build-place.ts'
import type { SandboxHost } from '../../build/capture.ts'
import { probeInterpreter } from '../../build/probe-interpreter.ts'
import { probeSandbox } from '../../build/sandbox-probe.ts'
import { messageOf } from '../../core/errors.ts'
import { systemClock } from '../system-clock.ts'
import { type Check, type CheckContext, type Finding, failure, ok, skipped, warning } from './check.ts'

/** As the data folder of a node that root runs: the build user must get through. */
const SEARCH_ONLY = 0o711

export const sandbox: Check = {
  id: 'sandbox',
  title: 'sandbox',
  why: 'Builds run the code of strangers: without a sandbox this node builds nothing.',
  run: (context) =>
    inOwnFolder(context, async (host) => {
      const verdict = await probeSandbox(host)
      if (verdict.kind === 'refused') return failure(verdict.reason, verdict.cure)
      return ok(`bubblewrap ${verdict.version} runs`)
    })
}

export const interpreters: Check = {
  id: 'interpreters',
  title: 'Pythons',
  why: 'A wheel is built by the Python that it is for.',
  async run(context) {
    const told = context.node?.status.node
    // What the node found out at its start, by building a virtual environment for each.
    if (told !== undefined && told.targets.length > 0) return ok(told.targets.join(', '))
    return inOwnFolder(context, async (host) => {
      const good: string[] = []
      const bad: Finding[] = []
      const { pythons } = context.config
      for (const path of pythons.length > 0 ? pythons : ['python3']) {
        const verdict = await probeInterpreter(path, host)
        if (verdict.kind === 'ready') good.push(verdict.interpreter.target.id)
        else bad.push(warning(`${path}: ${verdict.reason}`, verdict.cure))
      }
      const [first] = bad
      if (first === undefined) return ok(good.join(', '))
      return good.length > 0 ? first : { ...first, level: 'failure' }
    })
  }
}

async function inOwnFolder(
  { config }: CheckContext,
  look: (host: SandboxHost) => Promise<Finding>
): Promise<Finding> {
  if (!config.roles.includes('build')) return skipped('this node has no build role')
  // Never in the folder of the node: preparing it sweeps away what builds there now.
  const folder = await mkdtemp(join(tmpdir(), 'commonwheel-doctor-'))
  try {
    await chmod(folder, SEARCH_ONLY)
    const user = await findBuildUser(config.buildUser)
    return await look({ place: await prepareBuildPlace(folder, user), user, clock: systemClock })
  } catch (error) {
    return failure(
      messageOf(error),
      'builds need a user and a folder of their own: docs/configuration.md, `buildUser`'
    )
  } finally {
    await removeTree(folder)
  }
}

import { chmod, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findBuildUser } from '../../build/build-user.ts'
import { prepareBuildPlace, removeTree } from '../../build/build-place.ts'
import type { SandboxHost } from '../../build/capture.ts'
import { memoryGroupsLack } from '../../build/cgroups.ts'
import { probeSandbox } from '../../build/sandbox-probe.ts'
import { messageOf } from '../../core/errors.ts'
import { findInterpreters, type RefusedPython } from '../find-interpreters.ts'
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

export const memoryGroups: Check = {
  id: 'memory-groups',
  title: 'memory of builds',
  why: 'With control groups the kernel holds a build to its memory; without them the node looks on and ends it, a second late.',
  async run({ config }) {
    if (!config.roles.includes('build')) return skipped('this node has no build role')
    const lack = await memoryGroupsLack()
    if (lack !== undefined) return warning(lack.reason, lack.cure)
    return ok('the kernel has control groups for memory; a node that runs as a service uses them')
  }
}

export const interpreters: Check = {
  id: 'interpreters',
  title: 'Pythons',
  why: 'A wheel is built by the Python that it is for.',
  async run(context) {
    const told = context.node?.status.node
    // What the node found out at its start, by building a virtual environment for each.
    if (told !== undefined && told.targets.length > 0)
      return pythonFinding(told.targets, told.refusedPythons ?? [])
    return inOwnFolder(context, async (host) => {
      const found = await findInterpreters(context.config.pythons, host, () => undefined)
      return pythonFinding(
        found.interpreters.map(({ target }) => target.id),
        found.refusedPythons
      )
    })
  }
}

function pythonFinding(targets: readonly string[], refused: readonly RefusedPython[]): Finding {
  const [first] = refused
  if (first === undefined) return ok(targets.join(', '))
  const others = targets.length === 0 ? '' : `; it builds for ${targets.join(', ')}`
  const finding = warning(`${first.path}: ${first.reason}${others}`, first.cure)
  return { ...finding, level: targets.length > 0 ? 'warning' : 'failure', facts: { refused } }
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

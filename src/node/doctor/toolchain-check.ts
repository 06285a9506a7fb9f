import { failureCauses } from '../../build/classify-failure.ts'
import { InstalledPackages, toolchainPackages, type ToolchainPackage } from '../../build/toolchain.ts'
import type { UnlockView } from '../../http/api-types.ts'
import { type Check, type Finding, ok, skipped, warning } from './check.ts'

/** Packages that a sentence names; --json has all of them. */
const MAX_NAMED = 6

export const toolchain: Check = {
  id: 'toolchain',
  title: 'development packages',
  why: 'A build that lacks a header or a tool fails; it is tried again by itself as soon as a node has the package.',
  async run({ config, node }) {
    if (!config.roles.includes('build')) return skipped('this node has no build role')
    const listed = toolchainPackages()
    const unlocks = node?.unlocks ?? []
    const named = [...listed.map(({ name }) => name), ...failureCauses(config.dataDir).packages]
    const installed = await new InstalledPackages([...named, ...unlocks.map((one) => one.package)]).names()
    if (installed.length === 0) return skipped('this system tells of no Debian packages (dpkg)')
    return toolchainFinding({ listed, installed, unlocks, isMeshKnown: node !== undefined })
  }
}

export interface ToolchainFacts {
  readonly listed: readonly ToolchainPackage[]
  readonly installed: readonly string[]
  /** What failed in this mesh for want of a package. */
  readonly unlocks: readonly UnlockView[]
  /** False: no node runs here that could be asked. */
  readonly isMeshKnown: boolean
}

/** What is missing here of the list and of what the mesh's failed jobs lacked, and the one line that cures it. */
export function toolchainFinding({ listed, installed, unlocks, isMeshKnown }: ToolchainFacts): Finding {
  const here = new Set(installed)
  const missing = listed.filter(({ name }) => !here.has(name))
  const freeing = unlocks.filter((one) => !here.has(one.package))
  const facts = { missing, unlocks: freeing }
  if (freeing.length > 0) {
    const names = freeing.map((one) => one.package)
    const found = some(freeing.map(unlockText), '; ')
    return { ...warning(found, `sudo apt-get install -y --no-install-recommends ${names.join(' ')}`), facts }
  }
  if (missing.length === 0)
    return { ...ok(`all ${listed.length} of config/toolchain-apt.txt are installed`), facts }
  const names = missing.map(({ name }) => name)
  const free = isMeshKnown
    ? 'no build of this mesh failed for want of them'
    : 'the node does not run: it knows what they would free'
  return {
    ...ok(`${names.length} of ${listed.length} are missing (${some(names, ', ')}); ${free}`),
    facts
  }
}

/** `libxml2-dev: would free 14 releases of 3 projects (lxml, …)`. */
function unlockText({ package: name, releases, projects, examples }: UnlockView): string {
  const more = projects > examples.length ? ', …' : ''
  return `${name}: would free ${count(releases, 'release')} of ${count(projects, 'project')} (${examples.join(', ')}${more})`
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

function some(texts: readonly string[], between: string): string {
  const rest = texts.length - MAX_NAMED
  return [...texts.slice(0, MAX_NAMED), ...(rest > 0 ? [`and ${rest} more`] : [])].join(between)
}

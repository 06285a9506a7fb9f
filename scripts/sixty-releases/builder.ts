import { resolveConfig } from '../../src/config/load-config.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import { parseProjectPage } from '../../src/core/parse-project-page.ts'
import type { BuildReport, BuildRequest, Log } from '../../src/core/ports.ts'
import { releasesOf } from '../../src/core/releases.ts'
import type { Release } from '../../src/core/releases.ts'
import { inflatedText } from '../../src/http/inflate-log.ts'
import { setupBuilder } from '../../src/node/setup-builder.ts'
import { systemClock, systemRandom } from '../../src/node/system-clock.ts'
import { createBlobStore } from '../../src/storage/blob-store.ts'
import { blobFolder } from '../../src/storage/keys.ts'
import { createIndexClient } from '../../src/upstream/index-client.ts'
import type { NamedRelease } from './releases.ts'

export interface Builder {
  build(release: NamedRelease): Promise<BuildReport>
  logOf(report: BuildReport): Promise<string>
}

export interface BuilderOptions {
  readonly dataDir: string
  readonly python: string
  readonly indexUrl: string
  readonly slots: number
  readonly say: (line: string) => void
}

/** The builder that a node on this machine would have: same settings, same sandbox. Requirements come straight from the index. */
export async function createBuilder({
  dataDir,
  python,
  indexUrl,
  slots,
  say
}: BuilderOptions): Promise<Builder> {
  const values = { pythons: [python], roles: ['build'], slots }
  const config = resolveConfig(dataDir, [{ name: 'this script', values, spelling: (key: string) => key }])
  const upstream = createIndexClient({ indexUrl, userAgent: 'commonwheel (sixty releases)' })
  const blobs = await createBlobStore(blobFolder(dataDir), { random: systemRandom })
  const { builder, targets, refusal } = await setupBuilder(config, {
    upstream,
    blobs,
    clock: systemClock,
    log: quietLog(say),
    onProgress: say,
    indexUrl: () => indexUrl
  })
  const [target] = targets
  if (builder === undefined || target === undefined)
    throw new Error(`nothing can be built here: ${refusal ?? ''}`)

  async function requestOf(named: NamedRelease): Promise<BuildRequest> {
    const project = normalizeName(named.project)
    const answer = await upstream.project(project)
    if (answer.kind !== 'page') throw new Error(`the index has no ${project}`)
    const json: unknown = JSON.parse(new TextDecoder().decode(answer.page.body))
    const release = releasesOf(parseProjectPage(json, project)).find(
      ({ version }) => version === named.version
    )
    if (release?.sdist === undefined) throw new Error(`no source archive of ${project} ${named.version}`)
    checkKind(named, release)
    const { ref, url } = release.sdist
    return {
      job: { project, version: release.version, target: target?.id ?? never(), sdist: ref },
      sdistUrl: url
    }
  }

  return {
    build: async (named) =>
      builder.build(await requestOf(named), {
        signal: new AbortController().signal,
        onPhase: () => undefined
      }),
    logOf: ({ log }) => inflatedText(blobs.read(log.sha256))
  }
}

function never(): never {
  throw new TypeError('a builder has a target')
}

/** The list says of some that upstream has no wheel of them. */
function checkKind({ kind, project, version }: NamedRelease, { wheels }: Release): void {
  if (kind === 'pure' && wheels.length > 0) throw new Error(`${project} ${version} has a wheel upstream`)
}

function quietLog(say: (line: string) => void): Log {
  const tell = (message: string, facts?: Readonly<Record<string, unknown>>): void => {
    say(`${message} ${JSON.stringify(facts ?? {})}`)
  }
  return { debug: () => undefined, info: () => undefined, warn: tell, error: tell }
}

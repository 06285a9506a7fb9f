import { hash32, sha256Hex } from '../core/digest.ts'
import type { ProjectName, Sha256, TargetId } from '../core/ids.ts'
import type { Failure, WheelRef } from '../core/record.ts'
import { parseTarget } from '../core/target.ts'

/** How a package turns out when it is built. */
export type PackageKind =
  | 'pure'
  | 'compiled'
  | 'abi3'
  | 'broken'
  /** Fails a few times because of the network, then builds. */
  | 'flaky'
  /** Hangs until its time is over. */
  | 'hanging'

export interface SimPackage {
  readonly project: ProjectName
  readonly versions: readonly string[]
  readonly kind: PackageKind
  readonly meanBuildMs: number
}

/** A hanging build is ended after this. */
const HANG_MS = 150_000

/** What one build of a release comes to; durations differ from build to build, outcomes do not. */
export function buildOutcome(
  { kind, project, meanBuildMs }: SimPackage,
  what: {
    readonly version: string
    readonly target: TargetId
    readonly attempt: number
    readonly salt: string
  }
): { readonly durationMs: number; readonly wheel?: WheelRef; readonly failure?: Failure } {
  const { version, target, attempt, salt } = what
  const spread = 0.4 + (hash32(`${project} ${version} ${target} ${attempt}`) / 2 ** 32) * 1.2
  const durationMs = kind === 'hanging' ? HANG_MS : meanBuildMs * spread
  const failure = failureOf(kind, attempt)
  if (failure !== undefined) return { durationMs, failure }
  const filename = `${project.replaceAll('-', '_')}-${version}-${tagOf(kind, target)}.whl`
  return { durationMs, wheel: wheelOf(filename, sha256Hex(`${filename} ${salt}`)) }
}

function failureOf(kind: PackageKind, attempt: number): Failure | undefined {
  if (kind === 'broken') return { class: 'package', cause: 'compile-error', reason: 'it does not compile' }
  if (kind === 'flaky' && attempt < 2) return { class: 'transient', cause: 'network', reason: 'no network' }
  if (kind === 'hanging')
    return { class: 'package', cause: 'silence', reason: 'it said nothing for too long' }
  return undefined
}

function tagOf(kind: PackageKind, target: TargetId): string {
  const { python, platform } = parseTarget(target)
  if (kind === 'compiled') return `${python}-${python}-${platform}`
  return kind === 'abi3' ? `cp39-abi3-${platform}` : 'py3-none-any'
}

function wheelOf(filename: string, sha256: Sha256): WheelRef {
  return {
    filename,
    sha256,
    size: 1_000,
    metadata: sha256Hex(`metadata of ${sha256}`),
    metadataSize: 100,
    requiresPython: '',
    aptPackages: [],
    glibcFloor: ''
  }
}

/** Upstream's page of a package, PEP 691 JSON. */
export function pageOf({ project, versions }: SimPackage, serial: number): Uint8Array {
  const files = versions.map((version) => {
    const filename = `${project.replaceAll('-', '_')}-${version}.tar.gz`
    return {
      filename,
      url: `http://upstream.invalid/${filename}`,
      hashes: { sha256: sha256Hex(filename) },
      size: 1_000
    }
  })
  const page = { meta: { 'api-version': '1.1', '_last-serial': serial }, name: project, files, versions }
  return new TextEncoder().encode(JSON.stringify(page))
}

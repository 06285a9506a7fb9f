import { isBatchWant } from '../core/batch.ts'
import { MAX_CLOCK_AHEAD_MS } from '../core/limits.ts'
import type { Release } from '../core/releases.ts'
import { parseSpecifierSet, satisfies, type SpecifierSet } from '../core/specifier.ts'
import { parseVersion } from '../core/version.ts'
import type { Wish } from '../ledger/wishes.ts'

export interface WantedRelease {
  readonly release: Release
  readonly wishes: readonly Wish[]
}

/** The releases that wishes ask for, lowest version first: all that a specifier admits, the newest where there is none. */
export function wantedReleases(
  wishes: readonly Wish[],
  releases: readonly Release[]
): readonly WantedRelease[] {
  const wanted = new Map<Release, Wish[]>()
  // Many may ask for the same: each specifier is worked out once.
  const bySpecifier = new Map<string, readonly Release[]>()
  for (const wish of wishes) {
    const admitted = isBatchWant(wish)
      ? releasesFor(wish, thereWhen(wish, releases))
      : (bySpecifier.get(wish.specifier) ?? releasesFor(wish, releases))
    if (!isBatchWant(wish)) bySpecifier.set(wish.specifier, admitted)
    for (const release of admitted) {
      const asking = wanted.get(release) ?? []
      asking.push(wish)
      wanted.set(release, asking)
    }
  }
  return releases.flatMap((release) => {
    const asking = wanted.get(release)
    return asking === undefined ? [] : [{ release, wishes: asking }]
  })
}

/**
 * A batch asks for what upstream had when it was made, as far as upstream says when that was. One whose author's clock is before
 * all of them asks for them all; one that names a version asks for that.
 */
function thereWhen({ specifier, createdMs }: Wish, releases: readonly Release[]): readonly Release[] {
  if (isExact(specifier)) return releases
  const there = releases.filter(
    ({ uploadTime }) => !(Date.parse(uploadTime) > createdMs + MAX_CLOCK_AHEAD_MS)
  )
  return there.length === 0 ? releases : there
}

/** As pip chooses: no pre-release and no yanked one, unless there is nothing else or the specifier names it. */
function releasesFor({ specifier }: Wish, releases: readonly Release[]): readonly Release[] {
  if (specifier !== '') return matching(specifier, releases)
  const regular = releases.filter(({ yanked, prerelease }) => !yanked && !prerelease)
  const newest = regular.at(-1) ?? releases.filter(({ yanked }) => !yanked).at(-1)
  return newest === undefined ? [] : [newest]
}

function matching(specifier: string, releases: readonly Release[]): readonly Release[] {
  const set = specifierOf(specifier)
  if (set === undefined) return []
  const exact = isExact(specifier)
  return releases.filter(({ version, yanked }) => {
    const parsed = parseVersion(version)
    return parsed !== undefined && (exact || !yanked) && satisfies(parsed, set, {})
  })
}

function isExact(specifier: string): boolean {
  return /^={2,3}[^*,]+$/.test(specifier.trim())
}

function specifierOf(text: string): SpecifierSet | undefined {
  try {
    return parseSpecifierSet(text)
  } catch {
    return undefined
  }
}

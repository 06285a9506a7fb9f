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
  for (const wish of wishes) {
    for (const release of releasesFor(wish, releases)) {
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
  const exact = /^={2,3}[^*,]+$/.test(specifier.trim())
  return releases.filter(({ version, yanked }) => {
    const parsed = parseVersion(version)
    return parsed !== undefined && (exact || !yanked) && satisfies(parsed, set, {})
  })
}

function specifierOf(text: string): SpecifierSet | undefined {
  try {
    return parseSpecifierSet(text)
  } catch {
    return undefined
  }
}

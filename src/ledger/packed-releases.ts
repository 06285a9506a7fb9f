import type { Release, ReleaseWheel } from '../core/releases.ts'
import { parseWheelName } from '../core/wheel-name.ts'

/** Releases as text, to be kept where thousands of projects are known and few are looked at. What the file names tell is left out. */
export function packReleases(releases: readonly Release[]): string {
  return JSON.stringify(releases, (key, value: unknown) => (key === 'tags' ? undefined : value))
}

type PackedRelease = Omit<Release, 'wheels'> & { readonly wheels: readonly Omit<ReleaseWheel, 'tags'>[] }

export function unpackReleases(text: string): readonly Release[] {
  return (JSON.parse(text) as readonly PackedRelease[]).map((release) => ({
    ...release,
    wheels: release.wheels.map(({ filename, yanked }) => ({
      filename,
      tags: parseWheelName(filename)?.tags ?? [],
      yanked
    }))
  }))
}

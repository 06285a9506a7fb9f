import { isSha256, type Sha256 } from '../core/ids.ts'

/** One wheel that a build is given: the file, not only its version. */
export interface Pin {
  readonly project: string
  readonly version: string
  readonly sha256: Sha256
}

const PIN_LINE = /^([a-z0-9]+(?:-[a-z0-9]+)*)==([A-Za-z0-9.!+_-]{1,200}) sha256:([0-9a-f]{64})$/

/** A pin as a result's environment records it. */
export function pinLine({ project, version, sha256 }: Pin): string {
  return `${project}==${version} sha256:${sha256}`
}

/** Of the lines of an environment those that name a wheel; the others say what else it was given. */
export function parsePins(lines: readonly string[]): readonly Pin[] {
  return lines.flatMap((line) => {
    const [, project = '', version = '', sha256 = ''] = PIN_LINE.exec(line) ?? []
    return isSha256(sha256) ? [{ project, version, sha256 }] : []
  })
}

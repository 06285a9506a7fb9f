import { join } from 'node:path'

/** A member of an archive that must not be unpacked. */
export class HostileArchive extends Error {
  override readonly name = 'HostileArchive'
}

const MAX_PATH_BYTES = 4_000
const MAX_PART_BYTES = 255

/** The parts of a member's path, none of which leads anywhere but down; throws a HostileArchive on any other. */
export function memberParts(name: string): readonly string[] {
  if (name.startsWith('/') || name.includes('\\') || name.includes('\0')) throw hostile('bad path', name)
  if (Buffer.byteLength(name) > MAX_PATH_BYTES) throw hostile('path too long', name)
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.length === 0) return parts
  if (parts.some((part) => part === '..' || Buffer.byteLength(part) > MAX_PART_BYTES))
    throw hostile('bad path', name)
  return parts
}

/**
 * The path a symlink leads to, relative to the root, throwing when that is outside. `..` may only stand at the front: since
 * folders are real when links are made, those are exact, and what follows passes only through links judged the same way.
 */
export function linkTarget(linkParts: readonly string[], target: string): string {
  if (target === '' || target.startsWith('/') || target.includes('\0'))
    throw hostile('link leads outside', target)
  const parts = target.split('/').filter((part) => part !== '' && part !== '.')
  const up = parts.findIndex((part) => part !== '..')
  const ups = up === -1 ? parts.length : up
  const down = parts.slice(ups)
  const folder = linkParts.slice(0, -1)
  // The first part is the archive's top folder, which stays the root.
  if (down.includes('..') || ups > folder.length - 1) throw hostile('link leads outside', target)
  return join(...folder.slice(0, folder.length - ups), ...down)
}

export function hostile(what: string, name: string): HostileArchive {
  return new HostileArchive(`${what}: ${JSON.stringify(name.slice(0, 200))}`)
}

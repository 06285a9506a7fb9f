import { link, mkdir, open, rm, symlink, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { hostile, HostileArchive, linkTarget, memberParts } from './member-path.ts'

/** What an archive may unpack to. */
export interface UnpackBounds {
  readonly maxBytes: number
  readonly maxMembers: number
}

/** One member, whichever archive it comes from. */
export interface Member {
  readonly name: string
  readonly kind: 'file' | 'folder' | 'symlink' | 'hardlink'
  readonly linkName: string
  readonly executable: boolean
  /** Seconds since 1970. */
  readonly mtime: number
}

/** Writes members below one folder that nobody else can write to, and counts them. */
export class UnpackTarget {
  readonly #root: string
  readonly #bounds: UnpackBounds
  readonly #symlinks: { readonly parts: readonly string[]; readonly target: string }[] = []
  readonly #tops = new Set<string>()
  #bytes = 0
  #members = 0
  #newest = 0

  constructor(root: string, bounds: UnpackBounds) {
    this.#root = root
    this.#bounds = bounds
  }

  async add(member: Member, content: AsyncIterable<Uint8Array>): Promise<void> {
    if (++this.#members > this.#bounds.maxMembers) throw new HostileArchive('too many members')
    const parts = memberParts(member.name)
    if (parts[0] === undefined) return
    this.#tops.add(parts[0])
    const path = join(this.#root, ...parts)
    if (member.kind === 'folder') {
      await mkdir(path, { recursive: true })
      return
    }
    await mkdir(dirname(path), { recursive: true })
    if (member.kind === 'symlink') this.#symlinks.push({ parts, target: member.linkName })
    else if (member.kind === 'hardlink') await this.#hardlink(path, member.linkName)
    else await this.#file(path, member, content)
  }

  /** Makes the links, which may only now exist, and tells the one top folder and the newest time in it. */
  async finish(): Promise<{ readonly top: string; readonly newest: number }> {
    for (const { parts, target } of this.#symlinks) {
      linkTarget(parts, target)
      const path = join(this.#root, ...parts)
      await rm(path, { force: true })
      await symlink(target, path)
    }
    const [top] = this.#tops
    if (top === undefined || this.#tops.size !== 1) {
      throw new HostileArchive(`${this.#tops.size} top folders instead of one`)
    }
    return { top, newest: this.#newest }
  }

  async #file(path: string, member: Member, content: AsyncIterable<Uint8Array>): Promise<void> {
    // An archive may hold a name twice; the later one counts, as with tar.
    await rm(path, { force: true })
    const mode = member.executable ? 0o755 : 0o644
    const file = await open(path, 'wx', mode)
    try {
      // Whatever this node's umask is: modes end up in wheels.
      await file.chmod(mode)
      for await (const chunk of content) {
        this.#bytes += chunk.byteLength
        if (this.#bytes > this.#bounds.maxBytes) throw new HostileArchive('too large when unpacked')
        await file.write(chunk)
      }
    } finally {
      await file.close()
    }
    this.#newest = Math.max(this.#newest, member.mtime)
    await utimes(path, member.mtime, member.mtime)
  }

  /** Links are made last, so the path to an earlier member runs through real folders only. */
  async #hardlink(path: string, earlier: string): Promise<void> {
    const parts = memberParts(earlier)
    const source = join(this.#root, ...parts)
    if (parts.length === 0 || source === path) throw hostile('bad hard link', earlier)
    await rm(path, { force: true })
    await link(source, path)
  }
}

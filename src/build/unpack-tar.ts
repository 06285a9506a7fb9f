import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract, type Header } from 'tar-stream'
import { hostile, HostileArchive } from './member-path.ts'
import type { Member, UnpackBounds, UnpackTarget } from './unpack-target.ts'

/** Streams every member of a .tar.gz into `target`; devices, FIFOs and unknown kinds are refused. */
export async function readTarGz(archive: string, target: UnpackTarget, bounds: UnpackBounds): Promise<void> {
  // Archives of the first years are of the format before POSIX (Unix V7), which has no mark to know it by; its checksum is looked at.
  const options: Parameters<typeof extract>[0] & { readonly allowUnknownFormat: boolean } = {
    allowUnknownFormat: true
  }
  const members = extract(options)
  const reading = pipeline(createReadStream(archive), createGunzip(), bounded(bounds), members)
  // Its failure ends the loop below with the same error, which is the one that is thrown.
  reading.catch(() => undefined)
  for await (const entry of members) await target.add(memberOf(entry.header), bytesOf(entry))
  await reading
}

/** A streamx stream can be iterated, which its types do not say. */
function bytesOf(entry: unknown): AsyncIterable<Uint8Array> {
  return entry as AsyncIterable<Uint8Array>
}

/** Headers and padding count too: an archive of nothing else must not run for ever. */
function bounded({
  maxBytes,
  maxMembers
}: UnpackBounds): (source: AsyncIterable<Buffer>) => AsyncIterable<Buffer> {
  const most = maxBytes + maxMembers * 1024
  return async function* (source) {
    let bytes = 0
    for await (const chunk of source) {
      bytes += chunk.byteLength
      if (bytes > most) throw new HostileArchive('too large when unpacked')
      yield chunk
    }
  }
}

const KINDS: Readonly<Partial<Record<string, Member['kind']>>> = {
  file: 'file',
  'contiguous-file': 'file',
  directory: 'folder',
  symlink: 'symlink',
  link: 'hardlink'
}

function memberOf(header: Header): Member {
  const kind = KINDS[header.type]
  if (kind === undefined) throw hostile(`member of kind ${header.type}`, header.name)
  return {
    name: header.name,
    kind,
    linkName: header.linkname,
    executable: (header.mode & 0o111) !== 0,
    mtime: Math.max(0, header.mtime.getTime() / 1000)
  }
}

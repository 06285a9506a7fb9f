import { openPromise, type Entry } from 'yauzl'
import { hostile } from './member-path.ts'
import type { Member, UnpackBounds, UnpackTarget } from './unpack-target.ts'

const FILE_TYPE_BITS = 0o170000
const REGULAR_FILE = 0o100000
const FOLDER = 0o040000

/** Streams every member of a .zip into `target`. Links, which no tool writes into zip sdists, are refused. */
export async function readZip(archive: string, target: UnpackTarget, bounds: UnpackBounds): Promise<void> {
  const zip = await openPromise(archive, { autoClose: false, lazyEntries: true, validateEntrySizes: true })
  try {
    if (zip.entryCount > bounds.maxMembers) throw hostile('too many members', archive)
    for await (const entry of zip.eachEntry()) {
      const member = memberOf(entry)
      await target.add(member, member.kind === 'folder' ? nothing() : await zip.openReadStreamPromise(entry))
    }
  } finally {
    zip.close()
  }
}

function memberOf(entry: Entry): Member {
  const mode = entry.externalFileAttributes >>> 16
  const type = mode & FILE_TYPE_BITS
  if (type !== 0 && type !== REGULAR_FILE && type !== FOLDER)
    throw hostile('not a regular file', entry.fileName)
  return {
    name: entry.fileName,
    kind: entry.fileName.endsWith('/') ? 'folder' : 'file',
    linkName: '',
    executable: (mode & 0o111) !== 0,
    // The format knows no time zone; taken as UTC the same archive gives the same time on every node.
    mtime: Math.max(0, entry.getLastModDate({ timezone: 'UTC' }).getTime() / 1000)
  }
}

async function* nothing(): AsyncIterable<Uint8Array> {}

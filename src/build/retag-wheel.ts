import { createHash } from 'node:crypto'
import { basename, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { parseWheelName } from '../core/wheel-name.ts'
import { findDistInfo } from './inspect-wheel.ts'
import { readMemberBytes } from './scan-wheel.ts'
import { openWheel, type PackedMember, type WheelArchive } from './wheel-archive.ts'
import { refuse } from './wheel-refusal.ts'
import { ZipWriter } from './zip-writer.ts'

export interface Retagging {
  /** Platform part of tags: `linux_armv8l`. */
  readonly from: string
  readonly to: string
}

/** As in inspect-wheel.ts: RECORD of the largest wheel that is let through. */
const MAX_REWRITTEN_BYTES = 32 * 1024 * 1024
/** Their signatures would be wrong about the new RECORD (PEP 427). */
const SIGNATURES = ['RECORD.jws', 'RECORD.p7s']

/**
 * Makes the same wheel under another platform: a new file name, the tags in WHEEL, and WHEEL's line in RECORD; every other member
 * is taken over as it is packed, so that equal wheels stay equal. What pip, `pip check` and uv then read of the installed package
 * is what its name said. Gives the path of the new file in the folder `into`. Throws a WheelRefusal, leaving a part of a file.
 */
export async function retagWheel(path: string, into: string, tagging: Retagging): Promise<string> {
  const filename = basename(path)
  const name = parseWheelName(filename) ?? refuse('bad-wheel-name', `${filename} is no wheel's name`)
  const archive = await openWheel(path)
  try {
    const distInfo = findDistInfo(archive, name)
    const signature = SIGNATURES.find((one) => archive.members.has(`${distInfo}/${one}`))
    if (signature !== undefined) refuse('signed-wheel', `${signature} would not hold for other tags`)
    const wheelFile = retagged(await textOf(archive, `${distInfo}/WHEEL`), tagging)
    const record = rewrittenRecord(
      await textOf(archive, `${distInfo}/RECORD`),
      `${distInfo}/WHEEL`,
      wheelFile
    )
    const target = join(into, renamed(filename, tagging))
    const changed = new Map([
      [`${distInfo}/WHEEL`, wheelFile],
      [`${distInfo}/RECORD`, record]
    ])
    await writeMembers(archive, target, changed)
    return target
  } finally {
    archive.close()
  }
}

/** `demo-1.0-py3-none-linux_armv8l.whl`: the platforms are what follows the last dash. */
function renamed(filename: string, tagging: Retagging): string {
  const dash = filename.lastIndexOf('-')
  return `${filename.slice(0, dash + 1)}${replaced(filename.slice(dash + 1, -'.whl'.length), tagging)}.whl`
}

/** One set of platforms, `linux_armv7l.linux_armv8l`; none is named twice. */
function replaced(platforms: string, { from, to }: Retagging): string {
  return [...new Set(platforms.split('.').map((one) => (one.toLowerCase() === from ? to : one)))].join('.')
}

/** The `Tag` lines of WHEEL, which are in its header: up to the first empty line, or all of it. */
function retagged(wheelFile: string, tagging: Retagging): string {
  const lines = wheelFile.split('\n')
  const seen = new Set<string>()
  const end = lines.findIndex((line) => line.trim() === '')
  const kept = lines.flatMap((line, index) => {
    const [, head = '', platforms = '', ending = ''] = /^(Tag:.*-)([^-\s]+)(\s*)$/i.exec(line) ?? []
    if (head === '' || (end !== -1 && index > end)) return [line]
    const tag = `${head}${replaced(platforms, tagging)}${ending}`
    if (seen.has(tag)) return []
    seen.add(tag)
    return [tag]
  })
  return kept.join('\n')
}

/** The one line about WHEEL is another, all the rest is byte for byte as it was. */
function rewrittenRecord(record: string, path: string, content: string): string {
  const bytes = Buffer.from(content)
  const digest = createHash('sha256').update(bytes).digest('base64url')
  const lines = record.split('\n')
  const at = lines.findIndex((line) => line.startsWith(`${path},`) || line.startsWith(`"${path}",`))
  const old = lines[at] ?? refuse('record-mismatch', 'RECORD does not name WHEEL')
  const ending = old.endsWith('\r') ? '\r' : ''
  return lines.with(at, `${path},sha256=${digest},${bytes.byteLength}${ending}`).join('\n')
}

async function textOf(archive: WheelArchive, path: string): Promise<string> {
  const member = archive.members.get(path) ?? refuse('bad-dist-info', `no ${path}`)
  return Buffer.from(await readMemberBytes(member, MAX_REWRITTEN_BYTES)).toString('utf8')
}

async function writeMembers(
  archive: WheelArchive,
  path: string,
  changed: ReadonlyMap<string, string>
): Promise<void> {
  const zip = await ZipWriter.create(path)
  try {
    for (const { name, size, packed } of archive.members.values()) {
      const text = changed.get(name)
      if (text === undefined) await zip.add(name, size, packed)
      else await zip.add(name, Buffer.byteLength(text), stored(text, packed))
    }
    await zip.finish()
  } finally {
    await zip.close()
  }
}

/** Not deflated: another zlib would give other bytes. Time and attributes stay. */
function stored(text: string, packed: PackedMember): PackedMember {
  const bytes = Buffer.from(text)
  return {
    ...packed,
    method: 0,
    crc32: crc32(bytes),
    size: bytes.byteLength,
    async *chunks() {
      yield bytes
    }
  }
}

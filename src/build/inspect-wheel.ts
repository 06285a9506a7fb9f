import { basename } from 'node:path'
import { normalizeName } from '../core/distribution.ts'
import { MAX_TEXT_CHARS } from '../core/limits.ts'
import { parseTarget, withPlatform, type Target } from '../core/target.ts'
import { compareVersions, parseVersion } from '../core/version.ts'
import { wheelFitsTarget } from '../core/wheel-tags.ts'
import { expandTags, parseWheelName, tagText, type WheelName, type WheelTag } from '../core/wheel-name.ts'
import type { AptPackages } from './apt-packages.ts'
import type { ExpectedWheel, InspectWheel, WheelFacts } from './inspect-port.ts'
import { glibcFloorOf, isLoadable, judgeElf, saysArmv6, systemLibraries } from './judge-elf.ts'
import { normalizedDigest } from './normalized-digest.ts'
import { readMemberBytes, scanWheel, type WheelScan } from './scan-wheel.ts'
import { openWheel, type WheelArchive } from './wheel-archive.ts'
import { parseCoreMetadata, parseWheelFile } from './wheel-metadata.ts'
import { parseRecord } from './wheel-record.ts'
import { refuse, WheelRefusal } from './wheel-refusal.ts'

/** METADATA with the longest readme known has 2 MiB; RECORD has some 100 bytes a member. */
const MAX_METADATA_BYTES = 8 * 1024 * 1024
const MAX_RECORD_BYTES = 32 * 1024 * 1024
const MAX_WHEEL_FILE_BYTES = 64 * 1024
/** Signatures over RECORD stand outside of it (PEP 427). */
const OUTSIDE_RECORD = ['RECORD', 'RECORD.jws', 'RECORD.p7s']

/**
 * Judges a built wheel as the work of a stranger, cheapest check first: its name against the job and the interpreter, the
 * archive, what it says about itself (PEP 427), every byte against RECORD, and its compiled code against the target.
 * Rejects only for faults of this machine's disk.
 */
export function createWheelInspector(apt: AptPackages): InspectWheel {
  return async (wheelPath, expected) => {
    try {
      const target = parseTarget(expected.job.target)
      const name = checkName(basename(wheelPath), expected, target)
      const archive = await openWheel(wheelPath)
      try {
        return { kind: 'ok', facts: await inspectArchive(archive, name, { target, apt }) }
      } finally {
        archive.close()
      }
    } catch (error) {
      if (!(error instanceof WheelRefusal)) throw error
      const { cause, reason } = error.detail
      return { kind: 'refused', cause, reason }
    }
  }
}

function checkName(filename: string, { job, pythonTags }: ExpectedWheel, target: Target): WheelName {
  const name = parseWheelName(filename) ?? refuse('bad-wheel-name', `${filename} is no wheel's name`)
  if (name.project !== job.project) refuse('wrong-project', `${filename} is not of ${job.project}`)
  if (!isSameVersion(name.version, job.version)) refuse('wrong-version', `${filename} is not ${job.version}`)
  if (name.build !== undefined) refuse('unexpected-build-tag', `${filename} has build tag ${name.build}`)
  checkTags(name, new Set(pythonTags), target)
  return name
}

/**
 * A wheel may claim no more than its builder can vouch for: every tag is one of the interpreter's, or says the same of
 * another Python (`py2.py3-none-any`, `abi3.abi3t`).
 */
function checkTags(name: WheelName, supported: ReadonlySet<string>, target: Target): void {
  const isSupported = (tag: WheelTag): boolean => supported.has(tagText(tag))
  const vouched = name.tags.filter(isSupported)
  if (vouched.length === 0 || !wheelFitsTarget(vouched, target)) {
    refuse('unsupported-tags', `${name.tags.map(tagText).slice(0, 5).join(', ')} do not fit ${target.id}`)
  }
  const stranger = name.tags.find((tag) => !isSupported(tag) && !vouched.some((own) => isSibling(tag, own)))
  if (stranger !== undefined) refuse('unsupported-tags', `${tagText(stranger)} is not of ${target.id}`)
}

function isSibling(tag: WheelTag, own: WheelTag): boolean {
  if (tag.platform !== own.platform) return false
  const otherPython = tag.abi === 'none' && own.abi === 'none' && /^py\d+$/.test(tag.python)
  const otherStable = tag.python === own.python && tag.abi.startsWith('abi3') && own.abi.startsWith('abi3')
  return otherPython || otherStable
}

async function inspectArchive(
  archive: WheelArchive,
  name: WheelName,
  { target, apt }: { readonly target: Target; readonly apt: AptPackages }
): Promise<WheelFacts> {
  const distInfo = findDistInfo(archive, name)
  await checkWheelFile(archive, distInfo, name)
  const metadata = await readOwn(archive, `${distInfo}/METADATA`, MAX_METADATA_BYTES)
  const requiresPython = checkMetadata(metadata, name)
  const scan = await scanWheel(archive)
  await checkRecord(archive, distInfo, scan)
  const elfs = new Map([...scan.elfs].filter(([, elf]) => isLoadable(elf)))
  const [first] = elfs.keys()
  if (first !== undefined && name.tags.some(({ platform }) => platform === 'any')) {
    refuse('compiled-code-in-pure-wheel', `${first} is compiled code`)
  }
  for (const [member, elf] of elfs) judgeElf(member, elf, target)
  const [major, minor] = glibcFloorOf([...elfs.values()])
  return {
    requiresPython,
    metadata,
    aptPackages: await apt.ownersOf(systemLibraries(elfs), target.platform),
    glibcFloor: major === 0 ? '' : `${major}.${minor}`,
    normalized: normalizedDigest(archive, scan.digests),
    isHollow: elfs.size === 0 && name.tags.every(({ platform }) => platform !== 'any'),
    alsoRunsOn: isForArmv6(name, scan, target) ? [withPlatform(target, 'linux_armv6l').id] : []
  }
}

/** Of an ARMv7 builder, and without a byte of code that is not ARMv6: object files count, and nobody reads static libraries. */
function isForArmv6(name: WheelName, { elfs, staticLibraries }: WheelScan, target: Target): boolean {
  const isOfPlatform = name.tags.every(({ platform }) => platform === 'linux_armv7l')
  const isRead = staticLibraries.length === 0
  return target.platform === 'linux_armv7l' && isOfPlatform && isRead && [...elfs.values()].every(saysArmv6)
}

/** Exactly one folder `<name>-<version>.dist-info` at the top, and it is this wheel's. */
export function findDistInfo(archive: WheelArchive, name: WheelName): string {
  const folders = [...archive.members.keys()].flatMap(
    (member) => /^[^/]+\.dist-info(?=\/)/.exec(member)?.[0] ?? []
  )
  const [folder, ...others] = [...new Set(folders)]
  const [, project = '', version = ''] = /^(.+?)-([^-]+)\.dist-info$/.exec(folder ?? '') ?? []
  if (folder === undefined || others.length > 0) refuse('bad-dist-info', 'not exactly one .dist-info folder')
  if (normalizeName(project) !== name.project || !isSameVersion(version, name.version)) {
    refuse('bad-dist-info', `${folder} is of another wheel`)
  }
  return folder
}

async function checkWheelFile(archive: WheelArchive, distInfo: string, name: WheelName): Promise<void> {
  const file = parseWheelFile(await readOwn(archive, `${distInfo}/WHEEL`, MAX_WHEEL_FILE_BYTES))
  if (!file || !/^1\.\d+$/.test(file.wheelVersion)) refuse('bad-wheel-file', 'WHEEL is not of version 1')
  const stated = new Set(file.tags.flatMap((tag) => (expandTags(tag) ?? []).map(tagText)))
  const named = new Set(name.tags.map(tagText))
  if (file.build !== '' || stated.size !== named.size || [...named].some((tag) => !stated.has(tag))) {
    refuse(
      'tags-differ',
      `WHEEL says ${file.tags.slice(0, 5).join(', ')}${file.build && ` build ${file.build}`}`
    )
  }
}

/** Its `Requires-Python`. */
function checkMetadata(bytes: Uint8Array, name: WheelName): string {
  const metadata =
    parseCoreMetadata(bytes) ?? refuse('bad-metadata', 'METADATA lacks a field or has it twice')
  if (normalizeName(metadata.name) !== name.project || !isSameVersion(metadata.version, name.version)) {
    refuse('bad-metadata', `METADATA is of ${metadata.name.slice(0, 80)} ${metadata.version.slice(0, 80)}`)
  }
  if (metadata.requiresPython.length > MAX_TEXT_CHARS || metadata.requiresPython.includes('\n')) {
    refuse('bad-metadata', 'Requires-Python is too long')
  }
  return metadata.requiresPython
}

async function checkRecord(archive: WheelArchive, distInfo: string, { digests }: WheelScan): Promise<void> {
  const bytes = await readOwn(archive, `${distInfo}/RECORD`, MAX_RECORD_BYTES)
  const rows =
    parseRecord(Buffer.from(bytes).toString('utf8')) ?? refuse('record-mismatch', 'RECORD is malformed')
  const outside = new Set(OUTSIDE_RECORD.map((file) => `${distInfo}/${file}`))
  const missing = new Set([...digests.keys()].filter((member) => !outside.has(member)))
  for (const { path, sha256, size } of rows) {
    const member = archive.members.get(path)
    if (member === undefined)
      refuse('record-mismatch', `RECORD names ${path.slice(0, 200)}, which is not there`)
    if (outside.has(path)) continue
    if (
      sha256 !== digests.get(path) ||
      (size !== undefined && size !== member.size) ||
      !missing.delete(path)
    ) {
      refuse('record-mismatch', `RECORD is wrong about ${path}`)
    }
  }
  for (const member of missing) refuse('record-mismatch', `RECORD does not name ${member}`)
}

async function readOwn(archive: WheelArchive, path: string, maxBytes: number): Promise<Uint8Array> {
  const member = archive.members.get(path) ?? refuse('bad-dist-info', `no ${path}`)
  return readMemberBytes(member, maxBytes)
}

function isSameVersion(a: string, b: string): boolean {
  const [left, right] = [parseVersion(a), parseVersion(b)]
  return left !== undefined && right !== undefined && compareVersions(left, right) === 0
}

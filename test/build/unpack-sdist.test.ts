import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { unpackSdist } from '../../src/build/unpack-sdist.ts'
import { makeSdist, type SdistMember } from '../fixtures/make-sdist.ts'
import { makeZip } from '../fixtures/make-zip.ts'

const bounds = { maxBytes: 10_000, maxMembers: 10 }
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cw-unpack-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

async function unpack(bytes: Uint8Array, name = 'a-1.tar.gz'): ReturnType<typeof unpackSdist> {
  await writeFile(join(folder, name), bytes)
  return unpackSdist(join(folder, name), folder, bounds)
}

test('files, folders, modes, inner links and the newest time', async () => {
  const late = new Date(1_720_000_000_000)
  const outcome = await unpack(
    await makeSdist({
      'a-1/': { type: 'directory' },
      'a-1/setup.py': 'print()\n',
      'a-1/bin/run': { content: '#!/bin/sh\n', mode: 0o755, mtime: late },
      'a-1/doc/link': { type: 'symlink', linkname: '../setup.py' },
      'a-1/hard': { type: 'link', linkname: 'a-1/setup.py' },
      './a-1/setup.cfg': 'first',
      'a-1/setup.cfg': 'second'
    })
  )
  expect(outcome).toEqual({ kind: 'done', value: { top: 'a-1', sourceDateEpoch: 1_720_000_000 } })
  expect(await readFile(join(folder, 'a-1/doc/link'), 'utf8')).toBe('print()\n')
  expect(await readFile(join(folder, 'a-1/hard'), 'utf8')).toBe('print()\n')
  expect(await readFile(join(folder, 'a-1/setup.cfg'), 'utf8')).toBe('second')
  expect((await stat(join(folder, 'a-1/bin/run'))).mode & 0o777).toBe(0o755)
})

test('an archive of the format before POSIX, as those of the first years are', async () => {
  const tar = gunzipSync(await makeSdist({ 'a-1/setup.py': 'print()\n' }))
  // Unix V7: no magic, no owner's name, no prefix; the checksum is of the header with blanks in its place.
  tar.fill(0, 257, 512)
  tar.fill(' ', 148, 156)
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0)
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  expect(await unpack(gzipSync(tar))).toMatchObject({ kind: 'done', value: { top: 'a-1' } })
  expect(await readFile(join(folder, 'a-1/setup.py'), 'utf8')).toBe('print()\n')
})

test('a time before 1980 becomes 1980, which zip files can hold', async () => {
  const outcome = await unpack(await makeSdist({ 'a-1/f': { content: 'x', mtime: new Date(0) } }))
  expect(outcome).toMatchObject({ value: { sourceDateEpoch: 315_532_800 } })
})

const hostile: readonly { readonly id: string; readonly members: Readonly<Record<string, SdistMember>> }[] = [
  { id: 'a path upwards', members: { 'a-1/ok': '', 'a-1/../../evil': 'x' } },
  { id: 'an absolute path', members: { '/tmp/cw-evil': 'x' } },
  { id: 'a backslash', members: { 'a-1\\..\\evil': 'x' } },
  { id: 'a symlink upwards', members: { 'a-1/l': { type: 'symlink', linkname: '../../evil' } } },
  { id: 'a symlink to the folder above the top', members: { 'a-1/l': { type: 'symlink', linkname: '..' } } },
  { id: 'an absolute symlink', members: { 'a-1/l': { type: 'symlink', linkname: '/etc/passwd' } } },
  {
    id: 'two symlinks that lead out together',
    members: {
      'a-1/x': { type: 'symlink', linkname: '.' },
      'a-1/y': { type: 'symlink', linkname: 'x/../../evil' }
    }
  },
  {
    id: 'a file through a symlink',
    members: { 'a-1/l': { type: 'symlink', linkname: 'd' }, 'a-1/l/f': 'x', 'a-1/d/f': 'y' }
  },
  { id: 'a hard link outwards', members: { 'a-1/l': { type: 'link', linkname: '../../etc/passwd' } } },
  { id: 'a hard link to nothing', members: { 'a-1/l': { type: 'link', linkname: 'a-1/none' } } },
  { id: 'a device', members: { 'a-1/null': { type: 'character-device', devmajor: 1, devminor: 3 } } },
  { id: 'a FIFO', members: { 'a-1/fifo': { type: 'fifo' } } },
  { id: 'two tops', members: { 'a-1/f': '', 'b-1/f': '' } },
  { id: 'no folder at the top', members: { 'a-1': 'x' } },
  { id: 'nothing at all', members: {} },
  { id: 'too many bytes', members: { 'a-1/big': 'x'.repeat(10_001) } },
  {
    id: 'too many members',
    members: Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`a-1/${i}`, '']))
  }
]

test.for(hostile)('refused: $id', async ({ members }) => {
  expect(await unpack(await makeSdist(members))).toMatchObject({
    kind: 'failed',
    failure: { class: 'package', cause: 'bad-sdist' }
  })
  await expect(stat('/tmp/cw-evil')).rejects.toThrow()
})

test('refused: what is no archive, and half an archive', async () => {
  const whole = await makeSdist({ 'a-1/f': 'x'.repeat(5_000) })
  for (const bytes of [Buffer.from('no gzip'), whole.subarray(0, 60)]) {
    expect(await unpack(bytes)).toMatchObject({ failure: { class: 'package', cause: 'bad-sdist' } })
  }
})

test('refused: other formats than PEP 625 knows', async () => {
  for (const name of ['a-1.tar.bz2', 'a-1.tar.xz', 'a-1.egg']) {
    expect(await unpack(Buffer.from(''), name)).toMatchObject({
      failure: { class: 'package', cause: 'sdist-format' }
    })
  }
})

test('a zip, with the same bounds', async () => {
  const good = makeZip({ 'a-1/setup.py': 'print()\n', 'a-1/pkg/__init__.py': '' })
  expect(await unpack(good, 'a-1.zip')).toMatchObject({ kind: 'done', value: { top: 'a-1' } })
  expect(await readdir(join(folder, 'a-1'))).toEqual(['pkg', 'setup.py'])
  for (const name of ['../evil', '/tmp/cw-evil', 'a-1/../../evil']) {
    expect(await unpack(makeZip({ [name]: 'x' }), 'b-1.zip')).toMatchObject({
      failure: { cause: 'bad-sdist' }
    })
  }
  expect(await unpack(makeZip({ 'a-1/big': 'x'.repeat(10_001) }), 'c-1.zip')).toMatchObject({
    failure: { cause: 'bad-sdist' }
  })
})

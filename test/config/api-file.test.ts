import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  type ApiFile,
  apiFilePath,
  readApiFile,
  removeApiFile,
  writeApiFile
} from '../../src/config/api-file.ts'

const FILE: ApiFile = { url: 'http://127.0.0.1:8410/', token: 'secret', pid: 42 }
let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cw-api-file-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

test('what the node writes is what a command reads, and nobody else may', async () => {
  await writeApiFile(join(folder, 'new'), FILE)
  expect(await readApiFile(join(folder, 'new'))).toEqual(FILE)
  expect((await stat(apiFilePath(join(folder, 'new')))).mode & 0o777).toBe(0o600)
})

test('a draft that a crash left open to all does not open the next one', async () => {
  await writeFile(`${apiFilePath(folder)}.new`, 'half', { mode: 0o644 })
  await writeApiFile(folder, FILE)
  expect((await stat(apiFilePath(folder))).mode & 0o777).toBe(0o600)
})

test('no node, no file', async () => {
  expect(await readApiFile(folder)).toBeUndefined()
  expect(await readApiFile(join(folder, 'none'))).toBeUndefined()
})

test.for(['', '{', '[]', '{"url":"here","token":"t","pid":1}', '{"url":"http://a/","pid":1}'])(
  'something else is refused: %s',
  async (text) => {
    await writeFile(apiFilePath(folder), text)
    await expect(readApiFile(folder)).rejects.toMatchObject({ code: 'CONFIG_REFUSED' })
  }
)

test('a node removes its own file, and leaves that of the next one', async () => {
  await writeApiFile(folder, FILE)
  await removeApiFile(folder, 41)
  expect(await readFile(apiFilePath(folder), 'utf8')).toContain('secret')
  await removeApiFile(folder, 42)
  expect(await readApiFile(folder)).toBeUndefined()
})

import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadIdentity } from '../../src/node/identity.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { tempFolder } from '../support/temp-folder.ts'

test('made once, kept for ever, and read by its owner alone', async () => {
  const folder = await tempFolder()
  const first = await loadIdentity(folder, seededRandom(1))
  const again = await loadIdentity(folder, seededRandom(2))
  expect(again).toEqual(first)
  expect((await stat(join(folder, 'node.key'))).mode & 0o777).toBe(0o600)
})

test('a key that others can read is refused with its cure', async () => {
  const folder = await tempFolder()
  await loadIdentity(folder, seededRandom(1))
  await chmod(join(folder, 'node.key'), 0o640)
  await expect(loadIdentity(folder, seededRandom(1))).rejects.toMatchObject({
    code: 'NODE_KEY_READABLE',
    detail: { cure: `chmod 600 ${join(folder, 'node.key')}` }
  })
})

test('a torn key is not silently replaced by a new one', async () => {
  const folder = await tempFolder()
  const file = join(folder, 'node.key')
  await writeFile(file, 'abcd', { mode: 0o600 })
  await expect(loadIdentity(folder, seededRandom(1))).rejects.toMatchObject({ code: 'NODE_KEY_BROKEN' })
  expect(await readFile(file, 'utf8')).toBe('abcd')
})

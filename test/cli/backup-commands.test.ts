import { createHash, randomBytes } from 'node:crypto'
import { cp, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { frameEntries } from '../../src/node/entry-frames.ts'
import { loadMembership } from '../../src/node/mesh-files.ts'
import { SELF } from '../support/feed-folder.ts'
import { run, serve, tempFolder, type Ran } from './cli-fixtures.ts'
import { aStoppedNode, contentOf, each, noEvents, own, type StoppedNode } from './stopped-node.ts'

let node: StoppedNode
let folder = ''

beforeEach(async () => {
  node = await aStoppedNode()
  folder = node.folder
})

const offline = (...words: string[]): Promise<Ran> => run([...words, '--data', folder])

describe('backup and restore', () => {
  test('own key, membership, settings and feed come back in an empty folder, and nothing else', async () => {
    const file = join(await tempFolder(), 'pi.backup')
    const saved = await offline('backup', file)
    expect(saved.code, saved.stderr).toBe(0)
    expect(saved.stdout).toContain('It holds the key of this node')
    expect((await stat(file)).mode & 0o777).toBe(0o600)

    const fresh = join(await tempFolder(), 'new')
    const restored = await run(['restore', file, '--data', fresh])
    expect(restored.code, restored.stderr).toBe(0)
    expect((await readdir(fresh)).sort()).toEqual(
      ['blobs', 'config.json', 'ledger', 'ledger.made', 'mesh.cbor', 'node.key'].sort()
    )
    expect(await readFile(join(fresh, 'node.key'))).toEqual(await readFile(join(folder, 'node.key')))
    expect((await stat(join(fresh, 'node.key'))).mode & 0o777).toBe(0o600)
    expect((await loadMembership(fresh))?.sponsors).toEqual(['/ip4/10.0.0.2/tcp/4710'])
    // No incarnation: the node begins a new feed, and never writes twice in one place of the old one.
    expect(await contentOf(fresh)).toEqual({ own: 60, others: 0, incarnation: false })
  })

  test('--all holds the feeds of all, and the files', async () => {
    const file = join(await tempFolder(), 'all.backup')
    expect((await offline('backup', file, '--all', '--json')).code).toBe(0)
    const fresh = join(await tempFolder(), 'new')
    const { stdout } = await run(['restore', file, '--data', fresh, '--json'])
    expect(JSON.parse(stdout)).toMatchObject({
      all: true,
      entries: 1_560,
      blobs: 1,
      brokenBlobs: 0,
      node: SELF
    })
    expect(await contentOf(fresh)).toEqual({ own: 60, others: 1_500, incarnation: false })
    expect(await readFile(node.blobPath(fresh), 'utf8')).toBe('the bytes of a wheel')
  })

  test('a file that had rotted before is left out, and said', async () => {
    await writeFile(node.blobPath(), 'other bytes altogether')
    const file = join(await tempFolder(), 'all.backup')
    await offline('backup', file, '--all')
    const fresh = join(await tempFolder(), 'new')
    const { code, stdout } = await run(['restore', file, '--data', fresh])
    expect(code).toBe(0)
    expect(stdout).toContain('1 file had been broken before')
    await expect(stat(node.blobPath(fresh))).rejects.toThrow('ENOENT')
  })

  const broken: readonly { readonly id: string; readonly hurt: (bytes: Buffer) => Buffer }[] = [
    { id: 'a flipped bit in the key', hurt: (bytes) => flipped(bytes, bytes.indexOf('node.key') + 520) },
    {
      id: 'a flipped bit in the records',
      hurt: (bytes) => flipped(bytes, bytes.indexOf('entries/') + 5_000)
    },
    { id: 'a flipped bit in a header', hurt: (bytes) => flipped(bytes, bytes.indexOf('mesh.cbor') + 2) },
    { id: 'a cut end', hurt: (bytes) => bytes.subarray(0, bytes.byteLength - 3_000) },
    { id: 'a cut middle', hurt: (bytes) => bytes.subarray(0, Math.floor(bytes.byteLength / 2)) },
    { id: 'something else', hurt: () => randomBytes(10_000) },
    { id: 'nothing', hurt: () => Buffer.alloc(0) }
  ]

  function flipped(bytes: Buffer, at: number): Buffer {
    bytes[at] = (bytes[at] ?? 0) ^ 0x10
    return bytes
  }

  test.for(broken)('$id is refused, and the folder stays empty', async ({ hurt }) => {
    const file = join(await tempFolder(), 'pi.backup')
    await offline('backup', file)
    await writeFile(file, hurt(await readFile(file)))
    const fresh = await tempFolder()
    const { code, stderr } = await run(['restore', file, '--data', fresh])
    expect(code).toBe(1)
    expect(stderr).toContain('take another backup; nothing of this one was used')
    expect(await readdir(fresh)).toEqual([])
  })

  test('a folder that holds anything is refused and left as it is', async () => {
    const file = join(await tempFolder(), 'pi.backup')
    await offline('backup', file)
    const { code, stderr } = await offline('restore', file)
    expect(code).toBe(1)
    expect(stderr).toContain('name an empty one with --data DIR')
    expect(await contentOf(folder)).toEqual({ own: 60, others: 1_500, incarnation: true })
  })

  test('a file that is there is not replaced, but with --force', async () => {
    const file = join(await tempFolder(), 'pi.backup')
    await writeFile(file, 'mine')
    const { code, stderr } = await offline('backup', file)
    expect([code, await readFile(file, 'utf8')]).toEqual([1, 'mine'])
    expect(stderr).toContain('--force')
    expect((await offline('backup', file, '--force')).code).toBe(0)
    expect((await stat(file)).size).toBeGreaterThan(30_000)
  })

  test('of a node that runs the records come through its API, and addresses of members go along', async () => {
    const asked: boolean[] = []
    const served = await serve({
      storage: {
        verify: () => noEvents(),
        entries: ({ all }) => {
          asked.push(all)
          return frameEntries([own.at(-1)!], () => each(own))
        }
      }
    })
    for (const name of ['node.key', 'mesh.cbor']) await cp(join(folder, name), join(served.dataDir, name))
    const file = join(await tempFolder(), 'pi.backup')
    const ran = await served.run(['backup', file])
    expect(ran.code, ran.stderr).toBe(0)
    expect(asked).toEqual([false])
    const fresh = join(await tempFolder(), 'new')
    expect((await run(['restore', file, '--data', fresh])).code).toBe(0)
    expect(await contentOf(fresh)).toEqual({ own: 60, others: 0, incarnation: false })
  })

  test('there is no node to save', async () => {
    const { code, stderr } = await run(['backup', 'x', '--data', await tempFolder()])
    expect(code).toBe(1)
    expect(stderr).toContain('name its folder with --data DIR')
  })
})

test('digests in a backup are those that sha256sum checks', async () => {
  const file = join(await tempFolder(), 'pi.backup')
  await offline('backup', file)
  const bytes = await readFile(file)
  const key = await readFile(join(folder, 'node.key'))
  const sum = createHash('sha256').update(key).digest('hex')
  expect(bytes.includes(`${sum}  node.key\n`)).toBe(true)
})

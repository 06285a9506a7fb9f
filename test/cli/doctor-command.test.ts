import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { flipByte, largestFile } from '../support/feed-folder.ts'
import { run, tempFolder, type Ran } from './cli-fixtures.ts'
import { aStoppedNode, type StoppedNode } from './stopped-node.ts'

let node: StoppedNode
let folder = ''

beforeEach(async () => {
  node = await aStoppedNode()
  folder = node.folder
})

const offline = (...words: string[]): Promise<Ran> => run([...words, '--data', folder])

interface Doctored {
  readonly ok: boolean
  readonly checks: readonly { id: string; level: string; found: string; cure?: string; fixed?: string }[]
}

describe('doctor', () => {
  async function doctor(
    ...words: string[]
  ): Promise<{ code: number; check: (id: string) => Doctored['checks'][number] }> {
    await writeFile(
      join(folder, 'config.json'),
      JSON.stringify({ roles: ['index'], upstream: 'http://127.0.0.1:9/simple/', minFree: 0 })
    )
    const { code, stdout } = await offline('doctor', '--json', ...words)
    const { checks } = JSON.parse(stdout) as Doctored
    return {
      code,
      check: (id) => checks.find((one) => one.id === id) ?? { id, level: 'absent', found: '' }
    }
  }

  test('looks at everything, and a failure has a cure and the exit code 1', async () => {
    const { code, check } = await doctor()
    expect(code).toBe(1)
    expect(check('node-version').level).toBe('ok')
    expect(check('data-folder').level).toBe('ok')
    expect(check('database').level).toBe('ok')
    expect(check('blobs')).toMatchObject({
      level: 'ok',
      found: expect.stringContaining('1 of them') as string
    })
    expect(check('sandbox').level).toBe('skipped')
    expect(check('running')).toMatchObject({ level: 'warning', cure: 'commonwheel join' })
    expect(check('members').level).toBe('skipped')
    expect(check('upstream')).toMatchObject({
      level: 'failure',
      cure: expect.stringContaining('pip config') as string
    })
  })

  test('secrets that others may read are found, and mended on demand only', async () => {
    await chmod(join(folder, 'node.key'), 0o644)
    expect((await doctor()).check('permissions')).toMatchObject({
      level: 'failure',
      cure: `chmod 600 ${join(folder, 'node.key')}`
    })
    expect((await stat(join(folder, 'node.key'))).mode & 0o777).toBe(0o644)
    expect((await doctor('--fix')).check('permissions')).toMatchObject({
      level: 'ok',
      fixed: expect.any(String) as string
    })
    expect((await stat(join(folder, 'node.key'))).mode & 0o777).toBe(0o600)
  })

  test('a broken database and a rotten file are found, and left as they are', async () => {
    await flipByte(await largestFile(folder, /^MANIFEST/), 0.5)
    await writeFile(node.blobPath(), 'rot')
    const { check } = await doctor('--fix')
    expect(check('database')).toMatchObject({
      level: 'failure',
      found: expect.stringContaining('MANIFEST') as string
    })
    expect(check('blobs')).toMatchObject({ level: 'failure', cure: 'commonwheel verify --repair' })
    expect(await readFile(node.blobPath(), 'utf8')).toBe('rot')
  })

  test('what a killed node left is cleared away; a node that lives is left alone', async () => {
    const file = { url: 'http://127.0.0.1:9/', token: 't', pid: 2 ** 22 + 1 }
    await writeFile(join(folder, 'api.json'), JSON.stringify(file), { mode: 0o600 })
    expect((await doctor('--fix')).check('running')).toMatchObject({ level: 'ok' })
    expect(await readdir(folder)).not.toContain('api.json')
  })

  test('before the first start there is little to see, and nothing is made', async () => {
    const empty = join(await tempFolder(), 'none')
    await mkdir(join(empty, '..'), { recursive: true })
    const { stdout } = await run(['doctor', '--json', '--data', empty], {
      env: { COMMONWHEEL_ROLES: 'index', COMMONWHEEL_UPSTREAM: 'http://127.0.0.1:9/simple/' }
    })
    const { checks } = JSON.parse(stdout) as Doctored
    expect(checks.find(({ id }) => id === 'data-folder')).toMatchObject({
      level: 'warning',
      cure: 'commonwheel join'
    })
    await expect(stat(empty)).rejects.toThrow('ENOENT')
  })
})

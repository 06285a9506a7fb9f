import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeApiFile } from '../../src/config/api-file.ts'
import type { ExportSummary } from '../../src/node/export-index.ts'
import { type Ran, run, tempFolder } from '../cli/cli-fixtures.ts'
import { CP311 } from '../http/http-fixtures.ts'
import { ExportYard } from './export-kit.ts'

let yard: ExportYard

beforeEach(async () => {
  yard = new ExportYard()
  await yard.open()
  yard.mesh.add('numpy')
  yard.mesh.add('scipy')
})

afterEach(async () => {
  await yard.close()
})

async function command(...words: readonly string[]): Promise<Ran> {
  const data = await tempFolder()
  await writeApiFile(data, { url: yard.mesh.url, token: 'none', pid: 1 })
  return run(['export', ...words, '--data', data])
}

test('tells what it did, and that the pages name an address that only this machine knows', async () => {
  yard.mesh.publish('numpy')
  const { code, stdout } = await command(yard.folder)
  expect(code).toBe(0)
  expect(stdout).toContain('Exported the mesh "garden"')
  expect(stdout).toMatch(/projects +2 +2 +0\n/)
  expect(stdout).toMatch(/wheels and logs +2 +3 \(.*\) +0\n/)
  expect(stdout).toContain(`${yard.mesh.url}simple/: --url says`)
  const again = await command(yard.folder, '--url', 'https://wheels.example.org')
  expect(again.stdout).not.toContain('--url')
  expect(await readFile(yard.now('simple/numpy/project.html'), 'utf8')).toContain(
    'https://wheels.example.org/simple/'
  )
  expect((await command(yard.folder, '--url', 'https://wheels.example.org')).stdout).toContain(
    'Nothing has changed'
  )
})

test('with --json prints one object', async () => {
  const { code, stdout } = await command(yard.folder, '--json')
  const summary = JSON.parse(stdout) as ExportSummary
  expect(code).toBe(0)
  expect(summary).toMatchObject({ mesh: 'garden', changed: true, projects: { exported: 2, failed: [] } })
})

test('takes projects from a file and by pattern, written as people write them', async () => {
  yard.mesh.add('zope-interface')
  yard.mesh.add('zope-event')
  const list = join(await tempFolder(), 'list.txt')
  await writeFile(list, '# what we use\nNumPy>=2\n')
  const { stdout } = await command(yard.folder, '--projects', list, '--projects', 'Zope.i*', '--json')
  expect((JSON.parse(stdout) as ExportSummary).projects.exported).toBe(2)
  expect(existsSync(yard.now('simple/zope-interface'))).toBe(true)
  expect(existsSync(yard.now('simple/scipy'))).toBe(false)
})

test('ends with 1 and says what is missing, and exports the rest', async () => {
  const { wheel } = yard.mesh.publish('numpy')
  yard.mesh.files.blobs.delete(wheel.sha256)
  const { code, stderr } = await command(yard.folder)
  expect(code).toBe(1)
  expect(stderr).toContain('0 projects and 1 file could not be exported')
  expect(stderr).toContain(wheel.sha256)
  expect(existsSync(yard.now('simple/scipy/index.html'))).toBe(true)
})

test.each([
  [['--targets', 'armv7'], '--targets'],
  [['--url', 'wheels.example.org'], '--url'],
  [['--url', 'ftp://wheels.example.org/'], '--url'],
  [['--projects', './no/such/list.txt'], 'no file and no pattern']
])('refuses %j as wrong usage, and writes nothing', async (words, told) => {
  const { code, stderr } = await command(yard.folder, ...words)
  expect(code).toBe(2)
  expect(stderr).toContain(told)
  expect(existsSync(yard.folder)).toBe(false)
})

test('says so when no project fits, when no node runs, and when the folder is somebody else’s', async () => {
  expect((await command(yard.folder, '--projects', 'nothing*')).stderr).toContain('export nothing fits')
  const noNode = await run(['export', yard.folder, '--data', await tempFolder()])
  expect(noNode).toMatchObject({ code: 1, stderr: expect.stringContaining('commonwheel join') as string })
  const folder = await tempFolder()
  await writeFile(join(folder, 'thesis.txt'), 'mine')
  const taken = await command(folder)
  expect(taken.code).toBe(1)
  expect(taken.stderr).toContain('name a folder that is empty')
})

test('of one target exports what fits it', async () => {
  yard.mesh.publish('numpy', { target: CP311 })
  const { stdout } = await command(yard.folder, '--targets', CP311, '--json')
  expect((JSON.parse(stdout) as ExportSummary).files.wheels).toBe(1)
})

import { existsSync } from 'node:fs'
import { mkdir, readFile, readdir, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { ExportYard } from './export-kit.ts'

let yard: ExportYard

beforeEach(async () => {
  yard = new ExportYard()
  await yard.open()
})

afterEach(async () => {
  await yard.close()
})

function file(...names: readonly string[]): Promise<string> {
  return readFile(yard.now(...names), 'utf8')
}

describe('readers', () => {
  test('see the old state until the new one is whole, and may finish what they began', async () => {
    for (const name of ['a-first', 'b-second']) yard.mesh.add(name)
    await yard.run()
    const before = await yard.snapshot(yard.at('generations'))
    const seen = await readlink(yard.at('current'))
    yard.mesh.publish('a-first')
    yard.mesh.publish('b-second')
    const states = new Set<string>()
    yard.mesh.intercept = async () => {
      states.add(await readlink(yard.at('current')))
      for (const [path, what] of before)
        expect((await yard.snapshot(yard.at('generations'))).get(path)).toBe(what)
      return undefined
    }
    await yard.run()
    expect([...states]).toEqual([seen])
    expect(await readlink(yard.at('current'))).not.toBe(seen)
    // Whoever opened the old generation just before still finds all of it.
    for (const name of ['a-first', 'b-second']) {
      expect(await readFile(yard.at(seen, 'simple', name, 'index.html'), 'utf8')).toContain(name)
    }
  })

  test('lose nothing when a run is interrupted; the next one fetches only what is left', async () => {
    for (const name of ['a-first', 'b-second', 'c-third', 'd-fourth', 'e-fifth', 'f-sixth']) {
      yard.mesh.add(name)
      yard.mesh.publish(name)
    }
    const controller = new AbortController()
    const onProgress = ({ projects }: { projects: number }): void => {
      if (projects === 2) controller.abort(new Error('interrupted'))
    }
    await expect(yard.run({ signal: controller.signal, onProgress })).rejects.toThrow()
    expect(existsSync(yard.at('current'))).toBe(false)
    const { files, projects } = await yard.run()
    expect(projects.exported).toBe(6)
    expect(files.fetched).toBeLessThanOrEqual(12)
    const left = (await yard.snapshot()).keys()
    expect([...left].filter((path) => /\.(part|new|lock)$/.test(path))).toEqual([])
  })
})

describe('when not all can be had', () => {
  test('a file that nobody holds is told and marked; all else is exported', async () => {
    for (const name of ['demo', 'other']) yard.mesh.add(name)
    const lost = yard.mesh.publish('demo')
    yard.mesh.publish('other')
    yard.mesh.files.blobs.delete(lost.wheel.sha256)
    const summary = await yard.run()
    expect(summary.files.missing).toEqual([lost.wheel.sha256])
    expect(summary.projects.exported).toBe(2)
    expect(await readdir(yard.now('missing'))).toEqual([lost.wheel.sha256])
  })

  test('a wheel with other bytes is never taken, and its project stays as it was', async () => {
    yard.mesh.add('demo')
    yard.mesh.add('other')
    await yard.run()
    const { wheel } = yard.mesh.publish('demo')
    const bytes = Buffer.from(yard.mesh.files.blobs.get(wheel.sha256)!)
    bytes.writeUInt8(bytes.readUInt8(80) ^ 1, 80)
    yard.mesh.files.blobs.set(wheel.sha256, bytes)
    const { projects } = await yard.run()
    expect(projects.failed).toMatchObject([
      { project: 'demo', reason: expect.stringContaining('digest') as string }
    ])
    expect(await file('simple/demo/index.html')).not.toContain('.whl')
    expect(existsSync(yard.now('files', wheel.sha256, wheel.filename))).toBe(false)
  })

  test('a page whose tag is not that of its bytes is not taken', async () => {
    for (const name of ['demo', 'other']) yard.mesh.add(name)
    yard.mesh.intercept = async (path) =>
      path === '/simple/demo/' ? new Response('{"files":[]}', { headers: { etag: '"0"' } }) : undefined
    const { projects } = await yard.run()
    expect(projects).toMatchObject({ exported: 1, failed: [{ project: 'demo' }] })
  })

  test('a page that the node does not know at the moment is no reason to drop the project', async () => {
    for (const name of ['demo', 'other']) yard.mesh.add(name)
    await yard.run()
    const answer = (): Response =>
      new Response('', { status: 404, headers: { 'x-commonwheel-upstream': 'unreachable' } })
    yard.mesh.intercept = async (path) => (path === '/simple/demo/' ? answer() : undefined)
    expect(await yard.run()).toMatchObject({
      changed: false,
      projects: { exported: 2, failed: [{ project: 'demo' }] }
    })
  })

  test('a node that goes away in the middle ends it with what to do, and readers keep what they had', async () => {
    for (const name of ['demo', 'other']) yard.mesh.add(name)
    await yard.run()
    const seen = await readlink(yard.at('current'))
    yard.mesh.publish('demo')
    yard.mesh.intercept = async (path) => {
      if (path.startsWith('/files/')) await yard.mesh.stop()
      return undefined
    }
    await expect(yard.run()).rejects.toMatchObject({ code: 'EXPORT_NODE_SILENT' })
    expect(await readlink(yard.at('current'))).toBe(seen)
  })

  test('a node that has lost its ledger does not empty the export', async () => {
    const names = Array.from({ length: 12 }, (_, at) => `project-${at}`)
    for (const name of names) yard.mesh.add(name)
    await yard.run()
    for (const name of names.slice(2)) yard.mesh.remove(name)
    await expect(yard.run()).rejects.toMatchObject({ code: 'EXPORT_SHRINKS' })
    expect(await yard.run({ shrink: true })).toMatchObject({ projects: { exported: 2, removed: 10 } })
  })
})

describe('the folder', () => {
  test('of somebody else is refused, and nothing in it is touched', async () => {
    await mkdir(yard.folder, { recursive: true })
    await writeFile(yard.at('thesis.txt'), 'mine')
    await expect(yard.run()).rejects.toMatchObject({ code: 'EXPORT_FOLDER_TAKEN' })
    expect(await readdir(yard.folder)).toEqual(['thesis.txt'])
  })

  test('of another mesh is refused', async () => {
    yard.mesh.add('demo')
    await yard.run()
    const mark = yard.at('commonwheel-export.json')
    await writeFile(mark, (await readFile(mark, 'utf8')).replace(/[0-9a-f]{64}/, sha256Hex('another')))
    await expect(yard.run()).rejects.toMatchObject({ code: 'EXPORT_OTHER_MESH' })
  })

  test('is refused while another export works in it, and taken over from one that died', async () => {
    yard.mesh.add('demo')
    await yard.run()
    await writeFile(yard.at('.lock'), `${process.ppid}\n`)
    await expect(yard.run()).rejects.toMatchObject({ code: 'EXPORT_RUNNING' })
    await writeFile(yard.at('.lock'), '99999999\n')
    expect(await yard.run()).toMatchObject({ changed: false })
    expect(existsSync(join(yard.folder, '.lock'))).toBe(false)
  })
})

import { existsSync } from 'node:fs'
import { readFile, readdir, readlink, stat, truncate, writeFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { CP311, CP313 } from '../http/http-fixtures.ts'
import { ExportYard } from './export-kit.ts'

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'

let yard: ExportYard

beforeEach(async () => {
  yard = new ExportYard()
  await yard.open()
})

afterEach(async () => {
  await yard.close()
})

async function ofNode(path: string, accept = 'text/html'): Promise<{ body: string; etag: string | null }> {
  const answer = await fetch(new URL(path, yard.mesh.url), {
    headers: { accept, 'accept-encoding': 'identity' }
  })
  return { body: await answer.text(), etag: answer.headers.get('etag') }
}

function file(...names: readonly string[]): Promise<string> {
  return readFile(yard.now(...names), 'utf8')
}

describe('what is exported', () => {
  test('is what the node sends: both forms of every page, under the name of its tag', async () => {
    yard.mesh.add('demo', 30)
    yard.mesh.publish('demo')
    await yard.run()
    for (const [path, folder] of [['simple/', 'simple'] as const, ['simple/demo/', 'simple/demo'] as const]) {
      for (const [kind, accept] of [['html', 'text/html'] as const, ['json', JSON_TYPE] as const]) {
        const { body, etag } = await ofNode(path, accept)
        expect(await file(folder, `index.${kind}`)).toBe(body)
        expect(`"${await readlink(yard.now(folder, `index.${kind}`))}"`).toBe(
          etag?.replace(/"$/, `.${kind}"`)
        )
      }
    }
    const compressed = await fetch(new URL('simple/demo/', yard.mesh.url), {
      headers: { 'accept-encoding': 'gzip' }
    })
    const name = await readlink(yard.now('simple/demo/index.html'))
    expect(gunzipSync(await readFile(yard.now('simple/demo', `${name}.gz`))).toString()).toBe(
      await compressed.text()
    )
    expect(await file('simple/demo/project.json')).toBe((await ofNode('project/demo/json')).body)
  })

  test('has every wheel, its METADATA and its log, with the right digests', async () => {
    yard.mesh.add('demo')
    const { wheel, log } = yard.mesh.publish('demo')
    const summary = await yard.run()
    const at = ['files', wheel.sha256, wheel.filename] as const
    expect(sha256Hex(await readFile(yard.now(...at)))).toBe(wheel.sha256)
    const metadata = `${yard.now(...at)}.metadata`
    expect(sha256Hex(await readFile(metadata))).toBe(wheel.metadata)
    expect(await readlink(metadata)).toBe(`${wheel.metadata}.metadata`)
    expect(sha256Hex(await readFile(yard.now('logs', `${log.sha256}.gz`)))).toBe(log.sha256)
    expect(summary.files).toMatchObject({ wheels: 1, logs: 1, fetched: 3, missing: [] })
  })

  test('names the public address in pages for people, and nothing else is changed', async () => {
    yard.mesh.add('demo')
    await yard.run({ publicUrl: 'https://wheels.example.org/pi/' })
    const { body } = await ofNode('project/demo')
    expect(body).toContain(`${yard.mesh.url}simple/`)
    expect(await file('simple/demo/project.html')).toBe(
      body.replaceAll(`${yard.mesh.url}simple/`, 'https://wheels.example.org/pi/simple/')
    )
  })

  test('can be read by a web server that runs as somebody else, whatever the mask of who exports', async () => {
    yard.mesh.add('demo')
    const { wheel } = yard.mesh.publish('demo')
    const before = process.umask(0o077)
    try {
      await yard.run()
    } finally {
      process.umask(before)
    }
    for (const path of [
      'simple/demo/index.html',
      `files/${wheel.sha256}/${wheel.filename}`,
      'gone',
      'simple'
    ]) {
      const { mode } = await stat(yard.now(path))
      expect(mode & 0o004, path).toBe(0o004)
    }
  })

  test('of some projects alone: the root lists those, and only those are asked for', async () => {
    for (const name of ['numpy', 'numba', 'scipy']) yard.mesh.add(name)
    const { projects } = await yard.run({ wants: (name) => name.startsWith('num') })
    expect(projects.exported).toBe(2)
    expect(JSON.parse(await file('simple/index.json'))).toMatchObject({
      projects: [{ name: 'numba' }, { name: 'numpy' }]
    })
    expect(yard.mesh.requests.filter((request) => request.includes('scipy'))).toEqual([])
  })

  test('of some targets alone: pages list no wheel that is not there, and every other byte stays', async () => {
    yard.mesh.add('demo')
    const [kept, left] = [
      yard.mesh.publish('demo', { target: CP311 }),
      yard.mesh.publish('demo', { target: CP313 })
    ]
    await yard.run({ targets: [CP311] })
    const [json, html] = [await ofNode('simple/demo/', JSON_TYPE), await ofNode('simple/demo/')]
    const page = JSON.parse(json.body) as { files: { filename: string }[] }
    const files = page.files.filter(({ filename }) => filename !== left.wheel.filename)
    expect(files).toHaveLength(2)
    expect(await file('simple/demo/index.json')).toBe(JSON.stringify({ ...page, files }))
    const lines = html.body.split('\n').filter((line) => !line.includes(left.wheel.sha256))
    expect(await file('simple/demo/index.html')).toBe(lines.join('\n'))
    expect(await readdir(yard.now('files'))).toEqual([kept.wheel.sha256])
  })
})

describe('a second run', () => {
  test('with nothing new touches nothing', async () => {
    for (const name of ['demo', 'other']) {
      yard.mesh.add(name, 30)
      yard.mesh.publish(name)
    }
    await yard.run()
    const before = await yard.snapshot()
    const summary = await yard.run()
    expect(summary).toMatchObject({ changed: false, bytesWritten: 0, files: { fetched: 0 } })
    expect(await yard.snapshot()).toEqual(before)
  })

  test('writes what is new, and leaves every other file where it was', async () => {
    for (const name of ['demo', 'other']) yard.mesh.add(name, 30)
    const first = yard.mesh.publish('demo')
    await yard.run()
    const pages = yard.now('simple/other', await readlink(yard.now('simple/other/index.html')))
    const paths = [pages, yard.now('files', first.wheel.sha256, first.wheel.filename)]
    const before = await Promise.all(paths.map((path) => stat(path)))
    const second = yard.mesh.publish('demo', { target: CP313 })
    const summary = await yard.run()
    expect(summary).toMatchObject({ changed: true, projects: { changed: 1 }, files: { fetched: 3 } })
    expect(await file('simple/demo/index.html')).toContain(second.wheel.filename)
    const after = await Promise.all(paths.map((path) => stat(path)))
    expect(after.map(({ ino, mtimeMs }) => [ino, mtimeMs])).toEqual(
      before.map(({ ino, mtimeMs }) => [ino, mtimeMs])
    )
  })

  test('keeps a wheel that is listed no longer and still served, for the locks that name it', async () => {
    yard.mesh.add('demo')
    const published = yard.mesh.publish('demo')
    await yard.run()
    yard.mesh.unlist(published)
    await yard.run()
    await yard.run()
    expect(await file('simple/demo/index.html')).not.toContain('.whl')
    expect(existsSync(yard.now('files', published.wheel.sha256, published.wheel.filename))).toBe(true)
  })

  test('marks a retracted wheel as gone, for good, and removes its bytes when no reader can be at them', async () => {
    yard.mesh.add('demo')
    yard.mesh.add('other')
    const published = yard.mesh.publish('demo')
    await yard.run()
    yard.mesh.retract(published)
    await yard.run()
    expect(await readdir(yard.now('gone'))).toEqual([published.wheel.sha256])
    yard.mesh.publish('other')
    await yard.run()
    yard.mesh.publish('other', { target: CP313 })
    await yard.run()
    expect(await readdir(yard.now('gone'))).toEqual([published.wheel.sha256])
    expect(existsSync(yard.at('files', published.wheel.sha256))).toBe(false)
  })

  test('drops a project that upstream removed, and what only it had', async () => {
    for (const name of ['demo', 'other']) yard.mesh.add(name)
    const { wheel } = yard.mesh.publish('demo')
    await yard.run()
    yard.mesh.remove('demo')
    expect(await yard.run()).toMatchObject({ projects: { exported: 1, removed: 1 } })
    expect(await file('simple/index.html')).not.toContain('demo')
    yard.mesh.publish('other')
    await yard.run()
    expect(existsSync(yard.at('pages/demo'))).toBe(false)
    expect(existsSync(yard.at('files', wheel.sha256))).toBe(false)
  })

  test('mends a page and a wheel that were damaged', async () => {
    yard.mesh.add('demo')
    const { wheel } = yard.mesh.publish('demo')
    await yard.run()
    const page = yard.now('simple/demo/index.html')
    const text = await readFile(page, 'utf8')
    await writeFile(page, text.replace('demo', 'dxmo'))
    await truncate(yard.now('files', wheel.sha256, wheel.filename), 100)
    await yard.run()
    expect(await readFile(page, 'utf8')).toBe(text)
    expect(sha256Hex(await readFile(yard.now('files', wheel.sha256, wheel.filename)))).toBe(wheel.sha256)
  })

  test('with verify finds a flipped byte in a wheel, its METADATA and a log', async () => {
    yard.mesh.add('demo')
    const { wheel, log } = yard.mesh.publish('demo')
    await yard.run()
    const paths = [
      `files/${wheel.sha256}/${wheel.filename}`,
      `files/${wheel.sha256}/${wheel.filename}.metadata`,
      `logs/${log.sha256}.gz`
    ]
    const whole = await Promise.all(paths.map((path) => readFile(yard.now(path))))
    for (const path of paths) {
      const bytes = await readFile(yard.now(path))
      bytes.writeUInt8(bytes.readUInt8(20) ^ 1, 20)
      await writeFile(yard.now(path), bytes)
    }
    expect((await yard.run()).files.fetched).toBe(0)
    expect((await yard.run({ verify: true })).files.fetched).toBe(3)
    expect(await Promise.all(paths.map((path) => readFile(yard.now(path))))).toEqual(whole)
  })
})

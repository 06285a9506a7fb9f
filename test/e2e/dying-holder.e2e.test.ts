import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pipeline, Transform } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { fixtureSdist } from '../fixtures/sdists.ts'
import { digestOf, holds, indexFiles } from '../support/mesh-views.ts'
import { hermeticEnv } from '../support/node-yard.ts'
import type { NodeProcess } from '../support/spawn-node.ts'
import { connected, PATIENT, useE2e } from './e2e-kit.ts'

/*
 * pip downloads a wheel from a node that does not have it, and the node that it comes from is killed on the way. Real processes and
 * the real pip; builds take a moment of a clock in place of a compiler.
 */

const run = promisify(execFile)
const kit = useE2e()
const FAKE_NODE = fileURLToPath(new URL('../support/fake-node.child.ts', import.meta.url))
const WHEEL_KIB = 50 * 1024
/** Bytes a second to the node in the middle: slow enough that the kill comes in the middle. */
const DOWNLOAD = 12_000_000
/** When this much has gone to pip, its source dies. */
const KILL_AT_BYTES = 12_000_000

function nodeOf(name: string, settings = {}, env = {}): NodeProcess {
  return kit.yard.node(name, {
    program: ['--import', 'tsx', FAKE_NODE],
    env: {
      ...hermeticEnv(kit.yard.folder),
      FAKE_BUILD_MS: '100',
      FAKE_WHEEL_KIB: `${WHEEL_KIB}-${WHEEL_KIB}`,
      ...env
    },
    settings
  })
}

/** Stands before a node and calls once when so much of a file has passed. */
async function listenBefore(node: NodeProcess, atBytes: number, act: () => void): Promise<string> {
  let passed = 0
  const server: Server = createServer((incoming, outgoing) => {
    const { method, headers, url = '/' } = incoming
    const forwarded = request(node.url(url), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      const count = new Transform({
        transform(chunk: Buffer, _, done) {
          const before = passed
          passed += chunk.byteLength
          if (before < atBytes && passed >= atBytes) act()
          done(null, chunk)
        }
      })
      pipeline(answer, count, outgoing, () => undefined)
    })
    forwarded.on('error', () => outgoing.destroy())
    forwarded.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('pip gets a wheel of 50 MB whole while the node that it comes from is killed', async () => {
  const [ada, bob] = [nodeOf('ada'), nodeOf('bob')]
  // takes no copies of its own accord: it has the wheel only from passing it on
  const cleo = nodeOf(
    'cleo',
    { roles: ['index'], download: DOWNLOAD, logLevel: 'debug' },
    { COMMONWHEEL_MIN_FREE: String(2 ** 50) }
  )
  const { ticket } = await ada.start()
  kit.upstream.publish('quince', await fixtureSdist('pure', { name: 'quince' }))
  const [wanted] = await Promise.all([
    ada.command('want', 'quince', '--wait'),
    bob.start(ticket),
    cleo.start(ticket)
  ])
  expect(wanted.code, wanted.stderr).toBe(0)
  await connected([ada, bob, cleo])
  const [file] = (await indexFiles(ada, 'quince')).filter(({ filename }) => filename.endsWith('.whl'))
  const digest = file!.hashes.sha256
  await expect.poll(() => holds(bob, digest), PATIENT).toBe(true)
  expect(await holds(cleo, digest)).toBe(false)

  let killed: Promise<void> | undefined
  const index = await listenBefore(cleo, KILL_AT_BYTES, () => {
    killed = ada.kill()
  })
  const folder = join(kit.yard.folder, 'downloads')
  await mkdir(folder)
  const forTarget = ['--platform', 'linux_x86_64', '--python-version', '313', '--implementation', 'cp']
  const words = ['download', '--no-deps', '--no-cache-dir', '--retries', '0', '--only-binary', ':all:']
  const from = ['--index-url', `${index}/simple/`, '--dest', folder, 'quince']
  const env = hermeticEnv(kit.yard.folder)
  await run('python3', ['-m', 'pip', ...words, ...forTarget, '--abi', 'cp313', ...from], { env, cwd: '/' })
  expect(killed).toBeDefined()
  await killed
  const left = cleo.log.split('\n').filter((line) => line.includes('a holder of pieces was left'))
  expect(left.join('\n')).toContain(ada.id)
  const [name] = await readdir(folder)
  expect(name).toBe(file!.filename)
  expect(sha256Hex(await readFile(join(folder, name!)))).toBe(digest)

  // and it was kept: with the other holder gone, too, it is still there, also in parts
  expect(await holds(cleo, digest)).toBe(true)
  await bob.kill()
  const url = cleo.url(`/files/${digest}/${file!.filename}`)
  expect(await digestOf(url)).toBe(digest)
  const part = await fetch(url, { headers: { range: 'bytes=30000000-', 'if-range': `"${digest}"` } })
  expect(part.status).toBe(206)
  const rest = Buffer.from(await part.arrayBuffer())
  expect(rest.equals((await readFile(join(folder, name!))).subarray(30_000_000))).toBe(true)
}, 120_000)

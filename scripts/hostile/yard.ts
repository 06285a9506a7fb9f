import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAptPackages } from '../../src/build/apt-packages.ts'
import { createWheelInspector } from '../../src/build/inspect-wheel.ts'
import type { BuildReport } from '../../src/core/ports.ts'
import { fixtureSdist } from '../../test/fixtures/sdists.ts'
import {
  buildFixture,
  createBuildKit,
  leftovers,
  logText,
  type BuildKit
} from '../../test/support/build-kit.ts'
import type { Bait, HostileCase } from './cases.ts'

const SECRET = 'THE-SECRET-OF-THIS-NODE'
const CLEAN = 'fixture-clean'

/** A machine that hostile sdists are built on, with things worth stealing beside. */
export class HostileYard {
  readonly #kit: BuildKit
  readonly #bait: Bait
  readonly #close: () => Promise<void>
  readonly #inspectWheel = createWheelInspector(createAptPackages())
  #cleanDigest = ''

  private constructor(kit: BuildKit, bait: Bait, close: () => Promise<void>) {
    this.#kit = kit
    this.#bait = bait
    this.#close = close
  }

  static async open(): Promise<HostileYard> {
    const kit = await createBuildKit()
    const folder = await mkdtemp(join(tmpdir(), 'cw-secret-'))
    await chmod(folder, 0o755)
    // For everybody, so that only the sandbox is between it and a thief.
    const key = join(folder, 'node.key')
    await writeFile(key, SECRET, { mode: 0o644 })
    const abstract = `cw-hostile-${process.pid}`
    const tcp = await listening({ port: 0, host: '127.0.0.1' })
    const servers = [tcp, await listening({ path: `\0${abstract}` })]
    process.env['COMMONWHEEL_TEST_SECRET'] = SECRET
    const bait = { paths: [key], ports: [(tcp.address() as { port: number }).port], abstract: [abstract] }
    const yard = new HostileYard(kit, bait, async () => {
      for (const server of servers) server.close()
      await rm(folder, { recursive: true })
      await kit.close()
    })
    yard.#cleanDigest = await yard.#buildClean()
    return yard
  }

  /** Builds one and gives what it ended as, and everything that is not as it should be. */
  async judge(
    hostile: HostileCase
  ): Promise<{ readonly outcome: string; readonly wrong: readonly string[] }> {
    const name = `fixture-${hostile.id}`
    const sdist = await hostile.sdist(name, this.#bait)
    const report = await this.#build(name, sdist, hostile.build)
    const { failure } = report
    const outcome = failure === undefined ? 'built' : `${failure.class}/${failure.cause}`
    const wrong = [...this.#wrongIn(report, hostile)]
    if (outcome !== hostile.expected)
      wrong.push(`expected ${hostile.expected}, was ${outcome}: ${failure?.reason ?? ''}`)
    if (failure === undefined && report.wheel === undefined) wrong.push('neither a wheel nor a failure')
    for (const left of await leftovers(this.#kit)) wrong.push(`left behind: ${left}`)
    const digest = await this.#buildClean()
    if (digest !== this.#cleanDigest) wrong.push(`the next build was another: ${digest}`)
    return { outcome, wrong }
  }

  async close(): Promise<void> {
    await this.#close()
  }

  *#wrongIn(report: BuildReport, { tries = 0 }: HostileCase): Generator<string> {
    const text = logText(this.#kit, report)
    const said = text.split('\n').map((line) => line.trim())
    yield* said.filter((line) => line.startsWith('GOT '))
    const tried = said.filter((line) => line.startsWith('TRIED ')).length
    if (tried < tries) yield `tried ${tried} things only, not ${tries}: it proves nothing`
    // The plain text of every member of every wheel, and of what people are shown.
    const kept = [...this.#kit.blobs.bytes.values()].some((bytes) => Buffer.from(bytes).includes(SECRET))
    if (kept || text.includes(SECRET)) yield 'the secret came out'
    if (hasControl(report.failure?.reason ?? '')) yield 'control characters in the reason'
  }

  async #buildClean(): Promise<string> {
    const sdist = await fixtureSdist('pure', { name: CLEAN })
    const report = await this.#build(CLEAN, sdist)
    return report.wheel?.sha256 ?? `none: ${report.failure?.reason ?? ''}`
  }

  async #build(
    name: string,
    sdist: Awaited<ReturnType<HostileCase['sdist']>>,
    build: HostileCase['build'] = {}
  ): Promise<BuildReport> {
    return buildFixture(this.#kit, name, sdist, { inspectWheel: this.#inspectWheel, ...build })
  }
}

function hasControl(text: string): boolean {
  return /\p{Cc}/u.test(text)
}

async function listening(where: { port?: number; host?: string; path?: string }): Promise<Server> {
  const server = createServer((socket) => socket.end(SECRET))
  return new Promise((resolve) => {
    server.listen(where, () => {
      resolve(server)
    })
  })
}

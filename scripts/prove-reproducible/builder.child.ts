import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createAptPackages } from '../../src/build/apt-packages.ts'
import { prepareBuildPlace } from '../../src/build/build-place.ts'
import { createBuildRunner } from '../../src/build/build-runner.ts'
import { findBuildUser } from '../../src/build/build-user.ts'
import { createWheelInspector } from '../../src/build/inspect-wheel.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import { parseProjectPage } from '../../src/core/parse-project-page.ts'
import { createIndexClient } from '../../src/upstream/index-client.ts'
import { findIndexUrl } from '../../src/upstream/pip-config.ts'
import { memoryBlobs } from '../../test/support/memory-blobs.ts'
import { realClock } from '../../test/support/real-clock.ts'
import { findTestInterpreter } from '../../test/support/test-interpreter.ts'
import { silentLog } from '../../test/support/test-ports.ts'
import type { Built } from './built.ts'

/**
 * One node's builder, as whoever starts it: builds what it reads from standard input, a JSON list of {project, version, pins}, and
 * writes a line of JSON for each; the wheels go to the folder `wheels` of its data folder. Usage: builder.child.ts DATA_DIR
 */
const [dataDir = ''] = process.argv.slice(2)

interface Order {
  readonly project: string
  readonly version: string
  readonly pins?: readonly string[]
}

async function main(): Promise<void> {
  const user = await findBuildUser('commonwheel-build')
  const host = { user, clock: realClock, place: await prepareBuildPlace(dataDir, user) }
  const interpreter = await findTestInterpreter(host)
  const indexUrl = await findIndexUrl(interpreter.path)
  const upstream = createIndexClient({ indexUrl, userAgent: 'commonwheel prove-reproducible' })
  const blobs = memoryBlobs()
  const inspectWheel = createWheelInspector(createAptPackages())
  const parts = { host, upstream, blobs, inspectWheel, log: silentLog }
  const options = { interpreters: [interpreter], indexUrl: () => indexUrl, sandboxLevel: 2, parallelism: 1 }
  const runner = createBuildRunner(parts, options)
  for (const order of await readOrders()) {
    const project = normalizeName(order.project)
    const page = await upstream.project(project)
    if (page.kind !== 'page') throw new Error(`the index has no ${project}`)
    const { files } = parseProjectPage(JSON.parse(Buffer.from(page.page.body).toString('utf8')), project)
    const sdist = files.find(
      ({ filename }) => filename.endsWith(`-${order.version}.tar.gz`) && !filename.endsWith('.whl')
    )
    if (sdist?.sha256 === undefined) throw new Error(`the index has no sdist of ${project} ${order.version}`)
    const { filename, sha256, url } = sdist
    const job = {
      project,
      version: order.version,
      target: interpreter.target.id,
      sdist: { filename, sha256 }
    }
    const request = { job, sdistUrl: url, ...(order.pins !== undefined && { pins: order.pins }) }
    const told = { signal: new AbortController().signal, onPhase: () => undefined }
    const report = await runner.build(request, told)
    const { wheel, failure } = report
    const path = wheel === undefined ? undefined : join(dataDir, wheel.filename)
    if (wheel !== undefined && path !== undefined) await writeFile(path, blobs.bytes.get(wheel.sha256) ?? '')
    const built: Built = {
      release: `${project} ${order.version}`,
      ...(path !== undefined && { path }),
      ...(failure !== undefined && { failure: `${failure.cause}: ${failure.reason}` }),
      pins: report.environment.requirements,
      seconds: Math.round(report.durationMs / 1000)
    }
    process.stdout.write(`${JSON.stringify(built)}\n`)
  }
}

async function readOrders(): Promise<readonly Order[]> {
  let text = ''
  for await (const chunk of process.stdin) text += String(chunk)
  return JSON.parse(text) as readonly Order[]
}

await main()
process.exit()

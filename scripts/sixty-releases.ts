import { mkdirSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { findIndexUrl } from '../src/upstream/pip-config.ts'
import { runInBareRoot } from './sixty-releases/bare-root.ts'
import { createBuilder, type Builder } from './sixty-releases/builder.ts'
import { SIXTY, type NamedRelease } from './sixty-releases/releases.ts'
import {
  expectedOf,
  isAsExpected,
  releaseText,
  ResultsFile,
  type Pass,
  type ReleaseResult
} from './sixty-releases/results.ts'
import { resultLine, sixtyPage } from './sixty-releases/tell.ts'

/*
 * Builds sixty real releases by the builder that a node has, and writes docs/sixty-releases.md: what became of each, and how many are
 * built with the packages of config/toolchain-apt.txt and without. By hand, as root on Debian (for the second pass), since it asks the
 * index that pip uses here: `npm run prove:sixty [-- --folder FOLDER --python PYTHON --parallel 2 --only PROJECT,… --again]`, then
 * `npm run prove:sixty -- --bare ROOT`, with a root as bare-root.ts says. Results are kept in FOLDER/results.jsonl: what is there is
 * not built again, but for `--again`. Logs are kept beside. Exits with 1 when something came other than it must.
 */

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: '/var/tmp/commonwheel-sixty' },
    python: { type: 'string', default: '/usr/bin/python3' },
    parallel: { type: 'string', default: '2' },
    only: { type: 'string' },
    again: { type: 'boolean', default: false },
    /** The second pass, in this root. */
    bare: { type: 'string' },
    /** Said to itself, when it is there. */
    'in-root': { type: 'boolean', default: false },
    page: { type: 'string', default: 'docs/sixty-releases.md' }
  }
})

const INDEX_VARIABLE = 'SIXTY_RELEASES_INDEX'
const started = performance.now()
const folder = resolve(values.folder)

process.exitCode = await main()

async function main(): Promise<number> {
  const wanted = chosen(values.only)
  if (values.bare === undefined) return buildAll(values['in-root'] ? 'bare' : 'toolchain', wanted)
  // pip's settings of this machine are not seen from within; in the environment no other user reads the address.
  const env = { ...process.env, [INDEX_VARIABLE]: await findIndexUrl('python3') }
  const args = process.argv.slice(2).filter((word, i, all) => word !== '--bare' && all[i - 1] !== '--bare')
  const run = {
    root: resolve(values.bare),
    repository: process.cwd(),
    folder,
    args: [...args, '--in-root'],
    env
  }
  await runInBareRoot(run)
  return finish('bare', wanted)
}

/** Several at once, in the order of the list; then the page, except in a root, where the repository is read-only. */
async function buildAll(pass: Pass, wanted: readonly NamedRelease[]): Promise<number> {
  const results = new ResultsFile(resolve(folder, 'results.jsonl'))
  const todo = wanted.filter((one) => values.again || results.get(pass, releaseText(one)) === undefined)
  say(`${todo.length} of ${wanted.length} to build`)
  if (todo.length > 0) {
    const slots = Number(values.parallel)
    const indexUrl = process.env[INDEX_VARIABLE] ?? (await findIndexUrl('python3'))
    const dataDir = resolve(folder, pass)
    const builder = await createBuilder({ dataDir, python: values.python, indexUrl, slots, say })
    const workers = Array.from({ length: slots }, async () => {
      for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
        const result = await buildOne(builder, pass, next)
        results.add(result)
        say(`${resultLine(result)}   (${todo.length} to go)`)
      }
    })
    await Promise.all(workers)
  }
  return values['in-root'] ? 0 : finish(pass, wanted)
}

async function buildOne(builder: Builder, pass: Pass, release: NamedRelease): Promise<ReleaseResult> {
  const report = await builder.build(release)
  const { wheel, failure, environment, durationMs } = report
  const logs = resolve(folder, 'logs', pass)
  mkdirSync(logs, { recursive: true })
  writeFileSync(resolve(logs, `${releaseText(release)}.log`), await builder.logOf(report))
  return {
    pass,
    release: releaseText(release),
    kind: release.kind,
    expected: expectedOf(release, pass),
    ...(wheel && { wheel: wheel.filename }),
    ...(failure && { failure }),
    isAsExpected: isAsExpected(release, pass, failure),
    seconds: durationMs / 1000,
    sandboxLevel: environment.sandboxLevel,
    os: environment.os,
    python: environment.python
  }
}

/** Writes the page and tells how this pass went. */
function finish(pass: Pass, wanted: readonly NamedRelease[]): number {
  const results = new ResultsFile(resolve(folder, 'results.jsonl'))
  writeFileSync(values.page, sixtyPage(results))
  const wrong = wanted.filter((one) => results.get(pass, releaseText(one))?.isAsExpected !== true)
  say(`${wanted.length - wrong.length} of ${wanted.length} came as they must; ${values.page} is written`)
  for (const one of wrong) say(`not as it must: ${releaseText(one)}`)
  return wrong.length === 0 ? 0 : 1
}

function chosen(only: string | undefined): readonly NamedRelease[] {
  if (only === undefined) return SIXTY
  const names = new Set(only.split(',').map((name) => name.toLowerCase()))
  return SIXTY.filter(({ project }) => names.has(project.toLowerCase()))
}

function say(text: string): void {
  console.error(`[${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s] ${text}`)
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeFolder } from '../bench/ledger-folder.ts'
import { sha256Hex } from '../src/core/digest.ts'
import { normalizeName } from '../src/core/distribution.ts'
import type { ProjectName, TargetId } from '../src/core/ids.ts'
import { jobId } from '../src/core/job.ts'
import { parseProjectPage } from '../src/core/parse-project-page.ts'
import type { ResultRecord } from '../src/core/record.ts'
import { releasesOf } from '../src/core/releases.ts'
import { findIndexUrl } from '../src/upstream/pip-config.ts'
import { aResult } from '../test/support/make-record.ts'
import { NodeProcess } from '../test/support/spawn-node.ts'
import { comparePages, type Comparison, type Page } from './compare-upstream/compare-pages.ts'

/*
 * Real projects from the index that pip uses on this machine, and from a node that follows it and has a wheel of its own for each of
 * them: our JSON without our files must be upstream's, key by key. Prints a table and one closing line; exits with 1 when something is
 * other that is not meant to be. By hand, as it asks a real index: `npm run compare:upstream [-- --json] [PROJECT …]`
 */

/** Common ones, and such as are odd: yanks, a status, thousands of files, eggs, exe and rpm files, dots and capitals, no wheels. */
const PROJECTS = [
  ...[
    'numpy',
    'pillow',
    'lxml',
    'cryptography',
    'pyyaml',
    'requests',
    'urllib3',
    'setuptools',
    'pip',
    'wheel'
  ],
  ...[
    'grpcio',
    'scipy',
    'pandas',
    'tornado',
    'psutil',
    'ruamel.yaml.clib',
    'zope.interface',
    'backports.zoneinfo'
  ],
  ...['cffi', 'markupsafe', 'pywin32', 'simplejson', 'Twisted', 'Cython', 'sqlalchemy', 'pycrypto', 'nose'],
  ...['attrs', 'typing', 'future']
]
const JSON_V1 = 'application/vnd.pypi.simple.v1+json'
const TARGET = 'cp311-linux_armv7l-glibc2.36' as TargetId

interface Row {
  readonly project: string
  readonly comparison: Comparison
}

const { values: options, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false } },
  allowPositionals: true
})
const folder = await mkdtemp(join(tmpdir(), 'compare-upstream-'))
let node: NodeProcess | undefined
try {
  process.exitCode = await main(positionals.length > 0 ? positionals : PROJECTS)
} finally {
  await node?.kill()
  await rm(folder, { recursive: true, force: true })
}

async function main(names: readonly string[]): Promise<number> {
  const index = await findIndexUrl('python3')
  const projects = names.map(normalizeName)
  const upstream = new Map<ProjectName, Page>()
  for (const project of projects) {
    say(`${project} from upstream`)
    upstream.set(project, await pageFrom(`${index}${project}/`))
  }
  node = await startNode(
    index,
    [...upstream].flatMap(([project, page]) => ourResult(project, page))
  )
  const rows: Row[] = []
  for (const [project, page] of upstream)
    rows.push(await compared(node, `${index}${project}/`, { project, page }))
  return tell(rows)
}

async function startNode(index: string, more: readonly ResultRecord[]): Promise<NodeProcess> {
  const dataDir = join(folder, 'node')
  await makeFolder({ dataDir, results: 0, pages: 0, upstream: index, more })
  const started = new NodeProcess({
    name: 'compare',
    dataDir,
    pythons: [],
    upstream: index,
    program: ['--import', 'tsx', 'src/cli/main.ts'],
    settings: { roles: ['index'], logLevel: 'warn' },
    env: process.env
  })
  await started.start()
  return started
}

/** What is other is looked at once more: upstream may have changed meanwhile. */
async function compared(
  from: NodeProcess,
  url: string,
  { project, page }: { readonly project: ProjectName; readonly page: Page }
): Promise<Row> {
  say(`${project} from the node`)
  const ours = await pageFrom(from.url(`/simple/${project}/`))
  const first = comparePages(page, ours, url)
  if (first.wrong.length === 0) return { project, comparison: first }
  return { project, comparison: comparePages(await pageFrom(url), ours, url) }
}

/** A wheel of ours for the newest release that has a source archive, as a builder's record tells of it. */
function ourResult(project: ProjectName, page: Page): readonly ResultRecord[] {
  const newest = releasesOf(parseProjectPage(page, project)).findLast(({ sdist, yanked }) => sdist && !yanked)
  if (newest?.sdist === undefined) return []
  const { wheel, ...base } = aResult()
  if (wheel === undefined) return []
  const filename = `${project.replaceAll('-', '_')}-${newest.version}-cp311-cp311-linux_armv7l.whl`
  return [
    {
      ...base,
      job: jobId(project, newest.version, TARGET),
      sdist: newest.sdist.ref,
      wheel: { ...wheel, filename, sha256: sha256Hex(filename) }
    }
  ]
}

async function pageFrom(url: string): Promise<Page> {
  const response = await fetch(url, { headers: { accept: JSON_V1 }, signal: AbortSignal.timeout(120_000) })
  if (!response.ok) throw new Error(`${response.status} for ${new URL(url).pathname}`)
  return (await response.json()) as Page
}

function tell(rows: readonly Row[]): number {
  const differing = rows.filter(({ comparison }) => comparison.wrong.length > 0).length
  const files = rows.reduce((sum, { comparison }) => sum + comparison.files, 0)
  const keys = rows.reduce((sum, { comparison }) => sum + comparison.keys, 0)
  if (options.json) {
    const plain = rows.map(({ project, comparison }) => ({
      project,
      ...comparison,
      meant: Object.fromEntries(comparison.meant)
    }))
    console.log(JSON.stringify({ projects: rows.length, differing, files, keys, rows: plain }))
    return differing === 0 ? 0 : 1
  }
  console.log(line(['project', 'files', 'ours', 'keys', 'differ', 'other on purpose']))
  for (const { project, comparison } of rows) {
    const meant = [...comparison.meant].map(([reason, count]) => `${reason}${count > 1 ? ` (${count})` : ''}`)
    console.log(
      line([
        project,
        ...[comparison.files, comparison.ours, comparison.keys, comparison.wrong.length].map(String),
        meant.join(', ')
      ])
    )
    for (const wrong of comparison.wrong.slice(0, 5)) console.log(`  ${wrong.slice(0, 300)}`)
  }
  console.log(
    `\n${rows.length - differing} of ${rows.length} projects equal, ${differing} differ; ${files} files, ${keys} keys compared`
  )
  return differing === 0 ? 0 : 1
}

function line(cells: readonly string[]): string {
  const widths = [22, 7, 5, 8, 7, 0]
  return cells
    .map((cell, at) => cell.padEnd(widths[at] ?? 0))
    .join(' ')
    .trimEnd()
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

import { spawn } from 'node:child_process'
import { chown, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compareWheels, type WheelComparison } from '../src/build/compare-wheels.ts'
import { RELEASES } from './prove-reproducible/releases.ts'
import type { Built } from './prove-reproducible/built.ts'

/**
 * Builds compiled releases of the index that pip uses, twice: as root, which drops to the build user, and as an ordinary user, in
 * other folders, with the pins of the first. Prints a table of what is equal. To be run by hand, as root: npm run prove:reproducible
 * [-- NAME…]
 */
const ORDINARY_USER = 61_234
const CHILD = fileURLToPath(new URL('prove-reproducible/builder.child.ts', import.meta.url))
const TSX = import.meta.resolve('tsx')

async function main(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('run it as root: it builds as root and as an ordinary user')
  const chosen = process.argv.slice(2)
  const releases = RELEASES.filter(([project]) => chosen.length === 0 || chosen.includes(project))
  const root = await mkdtemp(join(tmpdir(), 'cw-reproducible-'))
  // The ordinary user must get to its own folder in it.
  const [first, second] = [join(root, 'one'), join(root, 'quite-another-folder')] as const
  await rm(root, { recursive: true })
  await mkdir(root, { mode: 0o755 })
  await mkdir(first, { mode: 0o755 })
  await mkdir(second, { mode: 0o755 })
  await chown(second, ORDINARY_USER, ORDINARY_USER)
  try {
    console.log('| release | bytes | contents | seconds | difference |\n|---|---|---|---|---|')
    let equal = 0
    for (const [project, version] of releases) {
      const a = await build([], first, { project, version })
      const as = ['setpriv', `--reuid=${ORDINARY_USER}`, `--regid=${ORDINARY_USER}`, '--clear-groups', '--']
      const b = await build(as, second, { project, version, pins: a.pins })
      const row = await rowOf(a, b)
      if (row.isEqual) equal++
      console.log(row.text)
    }
    console.log(`\n${equal} of ${releases.length} have equal bytes`)
    process.exitCode = equal === releases.length ? 0 : 1
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

async function build(as: readonly string[], dataDir: string, order: object): Promise<Built> {
  const [file, ...args] = [...as, process.execPath, '--import', TSX, CHILD, dataDir]
  const child = spawn(file, args, {
    // Also another home and time zone than the first one's.
    env: { ...process.env, HOME: dataDir, TZ: as.length === 0 ? 'UTC' : 'Pacific/Auckland' },
    stdio: ['pipe', 'pipe', 'inherit']
  })
  child.stdin.end(JSON.stringify([order]))
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')))
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`a builder ended with ${String(code)}`)
  return JSON.parse(text) as Built
}

async function rowOf(a: Built, b: Built): Promise<{ readonly isEqual: boolean; readonly text: string }> {
  const seconds = `${a.seconds} and ${b.seconds}`
  if (a.path === undefined || b.path === undefined) {
    const why = a.failure ?? b.failure ?? 'no wheel'
    return { isEqual: false, text: `| ${a.release} | – | – | ${seconds} | ${why} |` }
  }
  const comparison = await compareWheels(a.path, b.path)
  const { equalBytes, equalContents } = comparison
  const cells = [a.release, said(equalBytes), said(equalContents), seconds, differenceOf(comparison)]
  return { isEqual: equalBytes, text: `| ${cells.join(' | ')} |` }
}

function said(equal: boolean): string {
  return equal ? 'equal' : 'different'
}

function differenceOf({ members, archive }: WheelComparison): string {
  const files = members.map(({ name, kind, content }) => {
    const what = content?.sections?.join(' ') ?? content?.lines?.slice(0, 2).join(' ') ?? kind
    return `${name}: ${what}`
  })
  return [...files.slice(0, 3), ...archive].join('; ')
}

await main()

import { spawn } from 'node:child_process'
import { chmod, chown, mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { removeTree } from '../src/build/build-place.ts'
import { HOSTILE_CASES } from './hostile/cases.ts'
import { HostileYard } from './hostile/yard.ts'

/*
 * Builds every hostile sdist in the real sandbox at small limits, tells the class of each and whether it got, left or changed
 * anything it should not have; after each of them a good sdist must build to the same bytes as before all. As root it does so
 * twice at once: as root, whose builds drop to the build user, and as an ordinary user. Exits with 1 if anything is wrong.
 * `npm run test:hostile [-- --only ID]`
 */

const { values } = parseArgs({ options: { only: { type: 'string', default: '' }, one: { type: 'boolean' } } })

/** Nobody's: the ordinary user of the second run. */
const ORDINARY_UID = 59_301

async function judgeAll(): Promise<boolean> {
  const who = process.getuid?.() === 0 ? 'root' : 'user'
  const yard = await HostileYard.open()
  let failed = 0
  let passed = 0
  try {
    for (const hostile of HOSTILE_CASES.filter(({ id }) => values.only === '' || id === values.only)) {
      const { outcome, wrong } = await yard.judge(hostile)
      if (wrong.length === 0) passed++
      else failed++
      console.log(`${who}  ${wrong.length === 0 ? 'ok    ' : 'FAILED'}  ${hostile.id.padEnd(20)} ${outcome}`)
      for (const line of wrong) console.log(`${who}          ${line}`)
    }
  } finally {
    await yard.close()
  }
  console.log(`${who}: ${passed} passed, ${failed} failed`)
  return failed === 0 && passed > 0
}

/** The clone may lie where only root gets at it: the other user is shown it in a mount namespace of its own. */
async function asOrdinaryUser(): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'cw-ordinary-'))
  await chmod(folder, 0o755)
  const [clone, temporary] = [join(folder, 'clone'), join(folder, 'tmp')]
  await mkdir(clone)
  await mkdir(temporary)
  await chown(temporary, ORDINARY_UID, ORDINARY_UID)
  const script =
    'mount --bind "$0" "$1" && cd "$1" && shift && user=$1 && shift && ' +
    'exec setpriv --reuid="$user" --regid="$user" --clear-groups -- "$@"'
  const words = ['env', `TMPDIR=${temporary}`, `HOME=${temporary}`, ...again()]
  try {
    return await run([
      'unshare',
      '-m',
      'sh',
      '-c',
      script,
      process.cwd(),
      clone,
      String(ORDINARY_UID),
      ...words
    ])
  } finally {
    await removeTree(folder)
  }
}

function again(): readonly string[] {
  return [process.execPath, '--import', 'tsx', 'scripts/hostile.ts', '--one', '--only', values.only]
}

/** Shows what a run says as it says it, and gives its lines. */
async function run([file = '', ...args]: readonly string[]): Promise<readonly string[]> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line)
    lines.push(line)
  }
  return lines
}

function total(lines: readonly string[], word: 'passed' | 'failed'): number {
  return lines
    .map((line) => Number(new RegExp(`^(?:root|user): .*?(\\d+) ${word}`).exec(line)?.[1] ?? 0))
    .reduce((sum, count) => sum + count, 0)
}

if (values.one === true || process.getuid?.() !== 0) {
  process.exitCode = (await judgeAll()) ? 0 : 1
} else {
  const runs = await Promise.all([run(again()), asOrdinaryUser()])
  // A run that broke off has no sum.
  const broken = runs.filter((lines) => !lines.some((line) => /^(root|user): /.test(line))).length
  const lines = runs.flat()
  const failed = total(lines, 'failed') + broken
  console.log(`${total(lines, 'passed')} passed, ${failed} failed`)
  process.exitCode = failed === 0 ? 0 : 1
}

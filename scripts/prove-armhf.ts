import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readElf, type ElfFacts } from '../src/build/read-elf.ts'
import { openWheel } from '../src/build/wheel-archive.ts'
import { readMemberBytes } from '../src/build/scan-wheel.ts'
import type { NodeView } from '../src/http/api-types.ts'
import { fixtureSdist } from '../test/fixtures/sdists.ts'
import { startFixtureUpstream } from '../test/support/fixture-upstream.ts'
import { buildsOf, digestOf, indexBodies, indexFiles, statusOf } from '../test/support/mesh-views.ts'
import { createYard } from '../test/support/node-yard.ts'
import type { NodeProcess } from '../test/support/spawn-node.ts'

/*
 * A node of this machine and one of an emulated Debian for 32-bit ARM become one mesh, and a C extension is built on both.
 * Run by prove-armhf.sh, which makes that Debian. Ends with `N passed, N failed`.
 */

const [root = ''] = process.argv.slice(2)
const ENTER = fileURLToPath(new URL('./prove-armhf/enter.sh', import.meta.url))
/** An emulated node makes its tool environment, and a first build, in minutes. */
const PATIENCE_MS = 15 * 60_000
const POLL_MS = 2_000
/** ELF for the Arm architecture: e_machine, e_flags; `Tag_CPU_arch` of v7. */
const EM_ARM = 40
const EF_ARM_ABI_FLOAT_HARD = 0x400
const ARM_V7 = 10
const PROJECT = 'fixture-native'

const started = performance.now()
let passed = 0
let failed = 0
function note(text: string): void {
  console.log(`[${String(Math.round((performance.now() - started) / 1000)).padStart(5)} s] ${text}`)
}

/** One claim; what it gives is shown, what it throws fails the proof. */
async function prove(claim: string, work: () => Promise<string>): Promise<void> {
  try {
    const shown = await work()
    passed += 1
    note(`ok      ${claim}${shown === '' ? '' : `: ${shown}`}`)
  } catch (error) {
    failed += 1
    note(`FAILED  ${claim}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

const upstream = await startFixtureUpstream({
  projects: { [PROJECT]: [await fixtureSdist('compiled', { name: PROJECT })] }
})
const yard = await createYard({ upstream: upstream.url, pythons: ['/usr/bin/python3'] })
const native = yard.node('native')
const arm = yard.node('arm', {
  // the words behind the first are those of this machine: its node.js is left out, the program stands elsewhere
  under: ['/bin/sh', '-c', 'root=$1; shift 3; exec "$0" "$root" node "$@"', ENTER, root, '--'],
  program: ['/root/commonwheel/dist/cli/main.js'],
  patienceMs: PATIENCE_MS
})
try {
  await proveAll([native, arm])
} catch (error) {
  failed += 1
  note(`FAILED  ${error instanceof Error ? error.message : String(error)}`)
} finally {
  await arm.stop().catch(() => null)
  if (failed > 0) console.log(yard.logs())
  await yard.close()
  await upstream.close()
  await rm(join(root, yard.folder), { recursive: true, force: true })
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

async function proveAll(nodes: readonly NodeProcess[]): Promise<void> {
  note('the native node founds a mesh')
  const { ticket, mesh } = await native.start()
  note('the emulated node joins it')
  await prove('a 32-bit ARM node joins the mesh by a ticket, and builds', async () => {
    const ready = await arm.start(ticket)
    if (ready.mesh !== mesh) throw new Error(`it is in ${ready.mesh}`)
    if (ready.buildRefusal !== undefined) throw new Error(ready.buildRefusal)
    return (await statusOf(arm)).node.targets.join(', ')
  })
  if (!arm.isRunning()) throw new Error('without it nothing more can be shown')
  await prove('the other node knows it as a 32-bit ARM machine', async () => {
    const { hardware, software } = await until('the node’s record', async () =>
      (await native.api<readonly NodeView[]>('/api/v1/nodes')).find(({ label }) => label === 'arm')
    )
    if (hardware.arch !== 'arm') throw new Error(JSON.stringify(hardware))
    return `${hardware.arch}, ${hardware.model}, ${software}`
  })
  const wheels = await proveBuilds()
  const wheel = wheels.find(({ filename }) => filename.endsWith('linux_armv7l.whl'))
  if (wheel === undefined)
    throw new Error(`no wheel for armv7l among ${wheels.map((one) => one.filename).join(', ')}`)
  await proveCode(wheel.filename, wheel.sha256)
  await prove('all nodes list all wheels: HTML and JSON pages are equal, byte for byte', async () => {
    const bodies = await until('equal pages', async () => {
      const [first, ...others] = await Promise.all(nodes.map((node) => indexBodies(node, [PROJECT])))
      const text = JSON.stringify(first)
      return text.includes(wheel.filename) && others.every((other) => JSON.stringify(other) === text)
        ? first
        : undefined
    })
    return `${Object.keys(bodies).length} pages`
  })
  await prove('the native node hands the ARM wheel out', async () => {
    const files = await indexFiles(native, PROJECT)
    const digest = await digestOf(files.find(({ filename }) => filename === wheel.filename)?.url ?? '')
    if (digest !== wheel.sha256) throw new Error(`it gives ${digest}`)
    return digest
  })
  await prove('the emulated node stops at once', async () => {
    const code = await arm.stop()
    if (code !== 0) throw new Error(`exit code ${String(code)}`)
    return ''
  })
}

interface BuiltWheel {
  readonly filename: string
  readonly sha256: string
}

async function proveBuilds(): Promise<readonly BuiltWheel[]> {
  const wheels: BuiltWheel[] = []
  await prove('a wanted C extension is built once for each target, ARM’s by the emulated node', async () => {
    const { code, stderr } = await native.command('want', PROJECT)
    if (code !== 0) throw new Error(stderr)
    const builds = await until('two results', async () => {
      const found = await buildsOf(native)
      return found.length >= 2 ? found : undefined
    })
    for (const { job, builder, wheel, failure } of builds) {
      if (wheel === undefined) throw new Error(`${job}: ${failure?.reason ?? 'no wheel'}`)
      const isForArm = job.includes('armv7l')
      if (isForArm !== (builder === arm.id)) throw new Error(`${job} was built by the wrong node`)
      wheels.push(wheel)
    }
    return wheels.map(({ filename }) => filename).join(', ')
  })
  return wheels
}

/** Fetched from the native node, and read by the program's own readers of wheels and of ELF. */
async function proveCode(filename: string, sha256: string): Promise<void> {
  await prove('its compiled code is 32-bit ARM with numbers in floating point registers', async () => {
    const path = join(yard.folder, filename)
    const response = await fetch(native.url(`/files/${sha256}/${filename}`))
    await writeFile(path, Buffer.from(await response.arrayBuffer()))
    const archive = await openWheel(path)
    try {
      const [name = '', member] = [...archive.members].find(([one]) => one.endsWith('.so')) ?? []
      if (member === undefined) throw new Error('no compiled code in it')
      const elf = readElf(await readMemberBytes(member, 64 * 1024 * 1024))
      const said = codeText(elf)
      if (elf === undefined || !isArmv7HardFloat(elf)) throw new Error(said)
      return `${name}: ${said}`
    } finally {
      archive.close()
    }
  })
}

function isArmv7HardFloat(elf: ElfFacts): boolean {
  return elf.machine === EM_ARM && !elf.wide && elf.arm?.cpu === ARM_V7 && hasHardFloat(elf)
}

function hasHardFloat({ flags }: ElfFacts): boolean {
  return (flags & EF_ARM_ABI_FLOAT_HARD) !== 0
}

function codeText(elf: ElfFacts | undefined): string {
  if (elf === undefined) return 'no ELF'
  const float = hasHardFloat(elf) ? 'hard float' : 'soft float'
  return `machine ${elf.machine}, ${elf.wide ? 64 : 32} bits, CPU architecture ${elf.arm?.cpu ?? 0}, ${float}`
}

async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const found = await ask()
    if (found !== undefined) return found
    if (performance.now() > deadline) throw new Error(`waited ${PATIENCE_MS / 60_000} minutes for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

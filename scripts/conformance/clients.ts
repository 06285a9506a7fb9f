import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bind, type BoundClient, type CheckResult } from './client-check.ts'
import { Front, type Certificate } from '../../test/support/recording-front.ts'
import type { ConformanceMesh } from './mesh.ts'
import { PIP_CHECKS } from './pip-checks.ts'
import { AMBIENT, PipClient } from './pip-client.ts'
import { POETRY_CHECKS } from './poetry-checks.ts'
import { PoetryClient } from './poetry-client.ts'
import { carriedPips, type CarriedPip } from './pythons.ts'
import { mustWork, runTool } from './run-tool.ts'
import { UV_CHECKS } from './uv-checks.ts'
import { UvClient } from './uv-client.ts'

/** A pip of the index that is tried beside those that the Pythons here carry. */
interface OtherPip {
  readonly pip: string
  /** Pythons that it runs on; the first one there is is taken. */
  readonly pythons: readonly string[]
}

/** The ones that distributions ship, and the newest. An old pip fails on a newer Python: it imports what that no longer has. */
const OTHER_PIPS: readonly OtherPip[] = [
  { pip: '18.1', pythons: ['3.6', '3.7', '3.5'] },
  { pip: '19.2.3', pythons: ['3.8', '3.7', '3.6'] },
  // Debian 11
  { pip: '20.3.4', pythons: ['3.9', '3.8', '3.7'] },
  // Ubuntu 22.04 has 22.0.2
  { pip: '22.0.4', pythons: ['3.10', '3.9', '3.8'] },
  { pip: '23.2.1', pythons: ['3.11', '3.12', '3.10'] },
  { pip: '24.2', pythons: ['3.13', '3.12', '3.11'] },
  // Debian 13
  { pip: '25.1.1', pythons: ['3.13', '3.12', '3.11'] },
  { pip: '25.3', pythons: ['3.12', '3.13', '3.11'] },
  { pip: 'newest', pythons: ['3.14', '3.13', '3.12', '3.11', '3.10'] }
]

export interface ClientsPlan {
  readonly mesh: ConformanceMesh
  /** Below which each client has a folder. */
  readonly folder: string
  /** Only the pips of this machine; nothing is fetched from elsewhere. */
  readonly offline: boolean
  /** Only clients whose name contains this. */
  readonly only: string
  readonly say: (text: string) => void
}

export interface Clients {
  readonly bound: readonly BoundClient[]
  /** Clients that could not be had, each with the reason. */
  readonly missing: readonly CheckResult[]
}

/** Where a client is made, and what it is called before its version is known. */
interface Recipe {
  readonly label: string
  readonly make: (place: Place) => Promise<BoundClient>
}

interface Place {
  readonly folder: string
  readonly front: Front
}

/** Every client that can be had, each with a front of its own that leads to alpha. */
export async function openClients(plan: ClientsPlan): Promise<Clients> {
  const { mesh, folder, say } = plan
  await mkdir(folder, { recursive: true })
  const certificate = await makeCertificate(folder)
  const carried = await carriedPips(folder)
  const { recipes, missing } = recipesFor(plan, carried, join(folder, 'ca.pem'))
  const bound: BoundClient[] = []
  for (const [at, { label, make }] of recipes.entries()) {
    if (!label.includes(plan.only)) continue
    say(`making ${label}`)
    const front = await Front.open(mesh.alpha.url('/'), certificate)
    const place = { folder: join(folder, `client-${at}`), front }
    await mkdir(place.folder, { recursive: true })
    try {
      bound.push(await make(place))
    } catch (error) {
      await front.close()
      missing.push(notThere(label, error instanceof Error ? error.message : String(error)))
    }
  }
  return { bound, missing }
}

function recipesFor(
  { mesh, offline }: ClientsPlan,
  carried: readonly CarriedPip[],
  caFile: string
): { readonly recipes: readonly Recipe[]; readonly missing: CheckResult[] } {
  const missing: CheckResult[] = []
  const recipes = carried.map((one) => pipRecipe(mesh, one, { caFile }))
  for (const { pip, pythons } of OTHER_PIPS) {
    if (carried.some((one) => one.pip === pip && one.python[0] === 3)) continue
    const home = pythons.map((version) => carried.find(({ python }) => python.join('.') === version))
    const found = home.find((one) => one !== undefined)
    const reason = offline
      ? 'no Python here carries it, and it is not fetched with --offline'
      : found === undefined && `it needs Python ${pythons.join(' or ')}, which is not here`
    if (reason !== false) missing.push(notThere(`pip ${pip}`, reason))
    else if (found !== undefined) recipes.push(pipRecipe(mesh, found, { caFile, other: pip }))
  }
  const toolPython = carried.find(({ python }) => python.join('.') === mesh.builderPython)
  for (const tool of ['uv', 'poetry'] as const) {
    if (offline) missing.push(notThere(tool, 'it is not fetched with --offline'))
    else if (toolPython === undefined)
      missing.push(notThere(tool, `no Python ${mesh.builderPython} with a pip`))
    else recipes.push(toolRecipe(mesh, tool, toolPython))
  }
  return { recipes, missing }
}

function pipRecipe(
  mesh: ConformanceMesh,
  carried: CarriedPip,
  rest: { readonly caFile: string; readonly other?: string }
): Recipe {
  return {
    label: `pip ${rest.other ?? carried.pip} (Python ${carried.python.join('.')})`,
    make: async (place) => bind(await PipClient.create({ mesh, carried, ...rest, ...place }), PIP_CHECKS)
  }
}

function toolRecipe(mesh: ConformanceMesh, tool: 'uv' | 'poetry', { executable }: CarriedPip): Recipe {
  return {
    label: `newest ${tool}`,
    async make({ folder, front }) {
      const bin = join(folder, 'tool', 'bin')
      mustWork(await runTool(executable, ['-m', 'venv', join(folder, 'tool')], { home: folder }))
      const words = ['-m', 'pip', 'install', '--quiet', tool]
      mustWork(await runTool(join(bin, 'python'), words, { home: folder, env: AMBIENT }))
      const { stdout } = await runTool(join(bin, tool), ['--version'], { home: folder })
      const version = /\d+(\.\d+)+/.exec(stdout)?.[0] ?? ''
      return tool === 'uv'
        ? bind(
            new UvClient({ uv: join(bin, tool), python: executable, folder, version }, front, mesh),
            UV_CHECKS
          )
        : bind(new PoetryClient({ poetry: join(bin, tool), folder, version }, front, mesh), POETRY_CHECKS)
    }
  }
}

function notThere(client: string, note: string): CheckResult {
  return { client, what: 'all checks', outcome: 'not run', note }
}

/** Of an authority that signs itself, as for a node behind TLS at home. */
async function makeCertificate(folder: string): Promise<Certificate> {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'ca.pem')]
  const words = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=conformance']
  const files = ['-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert]
  mustWork(await runTool('openssl', [...words, ...files], { home: folder }))
  return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') }
}

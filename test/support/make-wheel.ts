import { createHash } from 'node:crypto'
import { sha256Hex } from '../../src/core/digest.ts'
import type { Sha256 } from '../../src/core/ids.ts'
import { makeZip, type ZipEntry } from './make-zip.ts'

export interface WheelPlan {
  /** As in the file name: `MarkupSafe`. */
  readonly name: string
  readonly version: string
  /** `py3-none-any` unless said; compressed sets are expanded for WHEEL. */
  readonly tag?: string
  /** Members beside `.dist-info`, by path; one module when not said. */
  readonly files?: Readonly<Record<string, Uint8Array | string>>
  readonly requiresPython?: string
  /** The whole of METADATA, WHEEL or RECORD instead of the right one; `null` leaves it out. */
  readonly metadata?: string | null
  readonly wheel?: string | null
  readonly record?: string | null
  /** The file name instead of the right one. */
  readonly filename?: string
  /** Members that RECORD does not know, with whatever is wrong with them. */
  readonly extraEntries?: readonly ZipEntry[]
}

export interface MadeWheel {
  readonly filename: string
  readonly bytes: Buffer
  readonly sha256: Sha256
  /** Its METADATA member. */
  readonly metadata: string
}

/** A wheel (PEP 427), the same bytes every time: good unless the plan says otherwise. */
export function makeWheel(plan: WheelPlan): MadeWheel {
  const { name, version, tag = 'py3-none-any' } = plan
  const escaped = name.replace(/[-_.]+/g, '_')
  const distInfo = `${escaped}-${version}.dist-info`
  const metadata = plan.metadata ?? metadataOf(plan)
  const members: (readonly [string, Uint8Array | string])[] = [
    ...Object.entries(plan.files ?? { [`${escaped.toLowerCase()}.py`]: 'answer = 42\n' })
  ]
  if (plan.metadata !== null) members.push([`${distInfo}/METADATA`, metadata])
  if (plan.wheel !== null) members.push([`${distInfo}/WHEEL`, plan.wheel ?? wheelFileOf(tag)])
  const record = `${distInfo}/RECORD`
  if (plan.record !== null) members.push([record, plan.record ?? recordOf(members, record)])
  const entries = members.map(([path, data]) => ({ name: path, data, deflate: true }))
  const bytes = makeZip([...entries, ...(plan.extraEntries ?? [])])
  const filename = plan.filename ?? `${escaped}-${version}-${tag}.whl`
  return { filename, bytes, sha256: sha256Hex(bytes), metadata }
}

/** RECORD for the given members and itself. */
function recordOf(members: readonly (readonly [string, Uint8Array | string])[], own: string): string {
  const lines = members.map(([path, data]) => {
    const digest = createHash('sha256').update(data).digest('base64url')
    const field = /[",]/.test(path) ? `"${path.replaceAll('"', '""')}"` : path
    return `${field},sha256=${digest},${Buffer.from(data).length}`
  })
  return [...lines, `${own},,`, ''].join('\n')
}

function metadataOf({ name, version, requiresPython }: WheelPlan): string {
  const lines = [`Metadata-Version: 2.1`, `Name: ${name}`, `Version: ${version}`, 'Summary: made by a test']
  if (requiresPython !== undefined) lines.push(`Requires-Python: ${requiresPython}`)
  return `${lines.join('\n')}\n\nA wheel for tests.\n`
}

function wheelFileOf(tag: string): string {
  const [pythons = [], abis = [], platforms = []] = tag.split('-').map((set) => set.split('.'))
  const tags = pythons.flatMap((python) =>
    abis.flatMap((abi) => platforms.map((platform) => `Tag: ${python}-${abi}-${platform}`))
  )
  const pure = platforms.includes('any')
  return ['Wheel-Version: 1.0', 'Generator: test', `Root-Is-Purelib: ${pure}`, ...tags, ''].join('\n')
}

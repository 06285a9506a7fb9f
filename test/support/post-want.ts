import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { WantAnswer } from '../../src/http/api-types.ts'
import type { NodeProcess } from './spawn-node.ts'

/** Asks a node for a project, as its owner; the id of the want, which is on the node's disk by then. */
export async function postWant(node: NodeProcess, spec: string): Promise<string> {
  const file = await readFile(join(node.dataDir, 'api.json'), 'utf8')
  const { token } = JSON.parse(file) as { readonly token: string }
  const response = await fetch(node.url('/api/v1/wants'), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ specs: [spec], targets: [], batch: false, atomic: false }),
    signal: AbortSignal.timeout(60_000)
  })
  if (!response.ok) throw new Error(`${node.name} answers ${response.status}: ${await response.text()}`)
  return ((await response.json()) as WantAnswer).want
}

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { NodeProcess } from '../../test/support/spawn-node.ts'

/** A want through a node's API, with its owner's token. */
export async function want(node: NodeProcess, specs: readonly string[]): Promise<void> {
  const file = await readFile(join(node.dataDir, 'api.json'), 'utf8')
  const { token } = JSON.parse(file) as { readonly token: string }
  const response = await fetch(node.url('/api/v1/wants'), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ specs, targets: [], batch: false, atomic: false })
  })
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
}

import { readFileSync } from 'node:fs'
import type { NodeProcess } from '../../test/support/spawn-node.ts'

/** The interface on which a node in a namespace of its own reaches the others, and nothing else. */
const MESH_INTERFACE = 'mesh'

/** Bytes that a node has received from others since its place was made; undefined without a namespace of its own. */
export function receivedBytes(node: NodeProcess): number | undefined {
  const table = readFileSync(`/proc/${node.pid}/net/dev`, 'utf8')
  const [, counters] = new RegExp(`^\\s*${MESH_INTERFACE}:\\s*(\\d+)`, 'm').exec(table) ?? []
  return counters === undefined ? undefined : Number(counters)
}

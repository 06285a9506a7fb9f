import type { MeshId } from '../core/ids.ts'
import type { Topic } from '../core/ports.ts'

/** The only protocol that is the same in every mesh: what a stranger may say. docs/protocol/membership.md */
export const DOOR_PROTOCOL = '/commonwheel/door/1'

/** Protocols among members. */
export type MeshProtocol = 'hello' | 'message' | 'sync' | 'blob' | 'observe'

/** Both topics of a mesh. */
export const TOPICS: readonly Topic[] = ['entries', 'coordination']

/** `/commonwheel/<first 16 hex of the mesh id>/<name>/1`: peers of two meshes do not even agree on a protocol. */
export function protocolId(meshId: MeshId, name: MeshProtocol): string {
  return `/commonwheel/${meshId.slice(0, 16)}/${name}/1`
}

/** The gossip topic as it is on the wire. */
export function topicId(meshId: MeshId, topic: Topic): string {
  return `/commonwheel/${meshId.slice(0, 16)}/${topic}/1`
}

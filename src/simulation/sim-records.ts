import type { NodeId } from '../core/ids.ts'
import type { MeshRecord, NodeRecord, Role } from '../core/record.ts'
import type { MachineFacts } from './sim-machine.ts'

const GiB = 1024 ** 3
const NO_BYTES = new Uint8Array(0)

/** What a node says of itself. */
export function nodeRecordOf(
  { id, targets }: MachineFacts,
  roles: readonly Role[],
  saidMs: number
): NodeRecord {
  return {
    kind: 'node',
    saidMs,
    label: id,
    contact: '',
    roles,
    targets,
    hardware: { arch: 'arm64', cores: 4, memoryBytes: 4 * GiB, model: 'simulated' },
    software: 'simulated',
    addresses: []
  }
}

/** What a newcomer's admission carries; the simulated codec finds every proof good. */
export function admissionOf(subject: NodeId, issuer: NodeId): MeshRecord {
  return {
    kind: 'admit',
    subject,
    proof: { issuer, terms: NO_BYTES, issuerSignature: NO_BYTES, subjectSignature: NO_BYTES }
  }
}

import type { TargetId } from '../../src/core/ids.ts'
import type { MeshRecord } from '../../src/core/record.ts'

export function aNode(targets: readonly TargetId[]): MeshRecord {
  return {
    kind: 'node',
    saidMs: 1_700_000_000_000,
    label: 'pi-kitchen',
    contact: '@ada at the makerspace',
    roles: ['build', 'index'],
    targets,
    hardware: { arch: 'arm', cores: 4, memoryBytes: 4_000_000_000, model: 'Raspberry Pi 4 Model B' },
    software: 'commonwheel/0.1.0',
    addresses: ['/ip4/192.0.2.7/tcp/4710']
  }
}

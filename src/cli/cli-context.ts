import type { AbortOptions } from '../core/ports.ts'
import type { NodePort } from './node-port.ts'
import type { ServicePort } from './service-port.ts'
import type { SimPort } from './sim-port.ts'
import type { StoragePort } from './storage-port.ts'

/** Where text for people goes. */
export interface Terminal {
  readonly isTTY: boolean
  readonly columns: number
  readonly rows: number
  write(text: string): void
}

/** Everything a command needs of the process it runs in, so that tests run whole commands. */
export interface CliContext {
  readonly version: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: Terminal
  readonly stderr: Terminal
  /** Aborted by the first Ctrl-C, and by SIGTERM. */
  readonly signal: AbortSignal
  /** Rejects with the signal's reason when aborted. */
  readonly sleep: (ms: number, options?: AbortOptions) => Promise<void>
  /** Since 1970, for people. */
  readonly wallMs: () => number
  /** Since the program started. */
  readonly elapsedMs: () => number
  readonly loadNode: () => Promise<NodePort>
  readonly loadSimulator: () => Promise<SimPort>
  readonly loadStorage: () => Promise<StoragePort>
  readonly loadService: () => Promise<ServicePort>
}

import type { Config } from '../../config/load-config.ts'
import type { HealthView, NodeView, StatusView, UnlockView } from '../../http/api-types.ts'

/** What the running node says; absent when none runs. */
export interface NodeFacts {
  readonly status: StatusView
  readonly nodes: readonly NodeView[]
  readonly health: HealthView
  /** Packages of the system that failed jobs of the mesh lacked. */
  readonly unlocks: readonly UnlockView[]
  /** When the newest builds ended, by the clocks of their builders, in milliseconds since 1970. */
  readonly finishedMs: readonly number[]
}

export interface CheckContext {
  readonly config: Config
  readonly node: NodeFacts | undefined
  readonly signal: AbortSignal
}

/** `skipped`: it cannot be told here and now. */
export type Level = 'ok' | 'warning' | 'failure' | 'skipped'

export interface Finding {
  readonly level: Level
  /** One sentence. */
  readonly found: string
  /** The one command, or sentence, that cures it. */
  readonly cure?: string
  /** More, for programs. */
  readonly facts?: Readonly<Record<string, unknown>>
  /** Only what cannot do harm; tells what it did. */
  readonly fix?: () => Promise<string>
}

/** One thing to look at. A new one is a new entry in doctor.ts. */
export interface Check {
  /** For programs; never changes. */
  readonly id: string
  readonly title: string
  /** Why anybody should care. */
  readonly why: string
  run(context: CheckContext): Promise<Finding>
}

export const ok = (found: string): Finding => ({ level: 'ok', found })
export const skipped = (found: string): Finding => ({ level: 'skipped', found })
export const warning = (found: string, cure: string): Finding => ({ level: 'warning', found, cure })
export const failure = (found: string, cure: string): Finding => ({ level: 'failure', found, cure })

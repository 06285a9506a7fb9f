import type { CoordinationMessage } from '../core/coordination.ts'

/** What {@link runScenario} is asked for. docs/scale.md */
export interface ScenarioOptions {
  readonly name: ScenarioName
  readonly nodes: number
  /** Share of the scenario's versions that is simulated, up to 1; unless given, what a few minutes suffice for. */
  readonly share?: number | undefined
  readonly seed: number
  onProgress(progress: ScenarioProgress): void
  /** A real clock, in milliseconds with fractions: only to measure what the protocol costs, nothing is decided by it. */
  stopwatchMs(): number
  /** Bytes of a message as it is on the wire, without its envelope. */
  sizeOf(message: CoordinationMessage): number
  /** Ends the run early; what was measured so far is reported. */
  readonly signal?: AbortSignal | undefined
}

/** `piwheels-2017` asks for three targets; `piwheels-2017-one-target` for one, as piwheels did. */
export const SCENARIO_NAMES = ['piwheels-2017', 'piwheels-2017-one-target'] as const
export type ScenarioName = (typeof SCENARIO_NAMES)[number]

export interface ScenarioProgress {
  /** Virtual time since the mesh was started. */
  readonly virtualMs: number
  readonly jobsDone: number
  /** Jobs that have to be done, as far as is known: what a release's first target comes to decides on the others. */
  readonly jobs: number
  /** Events and deliveries simulated per real second, since the run began. */
  readonly eventsPerSecond: number
}

/** One line of the table: its name, its value as a person reads it, and what to know about it. */
export interface ReportRow {
  readonly name: string
  readonly value: string
  readonly note: string
}

export interface ScenarioReport {
  readonly scenario: ScenarioName
  readonly nodes: number
  readonly share: number
  readonly seed: number
  /** False when the run was ended early. */
  readonly complete: boolean
  readonly figures: ScenarioFigures
  readonly table: readonly ReportRow[]
}

/** Times from the end of a coordinator on, in virtual milliseconds. */
export interface Spread {
  readonly count: number
  readonly medianMs: number
  readonly p90Ms: number
  readonly worstMs: number
}

/** Everything in the table as numbers: times in virtual milliseconds unless they say otherwise. */
export interface ScenarioFigures {
  readonly versions: number
  readonly builds: number
  readonly built: number
  readonly failed: number
  /** Builds of jobs that had a final result already. */
  readonly duplicates: number
  /** Builds that died with their node. */
  readonly lostBuilds: number
  readonly lostWorkMs: number
  readonly unfinishedJobs: number
  /** Of all builds that ended. */
  readonly workMs: number
  readonly longestBuildMs: number
  /** From the first request until nothing was left that nobody had taken. */
  readonly queueEmptyMs: number
  /** Until the last build ended. */
  readonly wallMs: number
  /** The greater of work / slots and the longest build. */
  readonly idealMs: number
  /** Share of slot time that stood empty while a job was there for it: without faults, and with them. */
  readonly idleShare: number
  readonly idleShareWithFaults: number
  /** To the first grant: somebody has to ask for it. */
  readonly killed: Spread
  readonly stopped: Spread
  /** Until somebody else may grant: what a builder that always waits would see, but for its four hops. */
  readonly killedToAuthority: Spread
  readonly stoppedToAuthority: Spread
  /** Per node and virtual second, while there was work. */
  readonly directPerNodeSecond: number
  readonly gossipPerNodeSecond: number
  readonly bytesPerNodeSecond: number
  /** The busiest coordinator's direct messages, sent and received, per virtual second. */
  readonly busiestMessagesPerSecond: number
  /** Share of a core of this machine. */
  readonly coordinatorCpu: number
  readonly busiestCoordinatorCpu: number
  readonly nodeCpu: number
  readonly coordinators: number
  readonly events: number
  readonly realMs: number
}

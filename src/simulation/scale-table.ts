import type { ReportRow, ScenarioFigures, ScenarioReport, Spread } from './scale-report.ts'

/** What the table tells beside the figures. */
export interface TableFacts {
  readonly targets: number
  readonly meanMs: number
  readonly medianMs: number
  readonly compiled: number
  readonly failed: number
  /** Builds at the end of the simulation. */
  readonly stillRunning: number
  /** Coordinators that were killed or stopped. */
  readonly ended: number
  readonly foldMs: number
  readonly byKind: readonly (readonly [kind: string, perSecond: number])[]
  readonly entriesPerSecond: number
}

type Run = Omit<ScenarioReport, 'table'>

/** One message over libp2p on a Raspberry Pi 4, in milliseconds of a core (prior research; docs/scale.md). */
const LIBP2P_MESSAGE_MS = 1.2
const MIN_KINDS_SHARE = 0.05

export function tableOf(run: Run, facts: TableFacts): readonly ReportRow[] {
  return [
    ...workRows(run, facts),
    ...timeRows(run, facts),
    ...faultRows(run.figures, facts),
    ...trafficRows(run, facts),
    ...costRows(run.figures, facts)
  ]
}

function row(name: string, value: string, note = ''): ReportRow {
  return { name, value, note }
}

function workRows({ nodes, share, complete, figures }: Run, facts: TableFacts): readonly ReportRow[] {
  const { versions } = figures
  const shareOf = (count: number): string => percent(count / versions)
  return [
    row(
      'mesh',
      `${whole(nodes)} nodes, ${facts.targets} targets`,
      'one slot a node; every node builds for every target'
    ),
    row(
      'versions',
      whole(versions),
      `${percent(share)} of 752,817${complete ? '' : '; the run was ended early, the rest is of what was done'}`
    ),
    row(
      'durations drawn',
      `mean ${seconds(facts.meanMs)}, median ${seconds(facts.medianMs)}, longest ${clock(figures.longestBuildMs)}`,
      'log-normal, sigma 1.73, at most 7 h; the same on every target'
    ),
    row(
      'outcomes drawn',
      `${shareOf(versions - facts.failed)} build, ${shareOf(facts.compiled)} compiled`,
      'what fails, fails on every target'
    ),
    row(
      'builds',
      whole(figures.builds),
      `${whole(figures.built)} built, ${whole(figures.failed)} failed, ${whole(facts.stillRunning)} running at the end`
    ),
    row('duplicate builds', whole(figures.duplicates), 'of jobs that had a result; the promise is none'),
    row(
      'jobs left',
      whole(figures.unfinishedJobs),
      facts.stillRunning > 0 && complete
        ? `simulated until ${whole(facts.stillRunning)} long builds were left`
        : complete
          ? 'simulated to the end'
          : 'the run was ended early'
    )
  ]
}

function timeRows({ nodes, share, complete, figures }: Run, facts: TableFacts): readonly ReportRow[] {
  const { workMs, queueEmptyMs, wallMs, idealMs } = figures
  const sharedMs = workMs / nodes
  return [
    row('work', `${clock(workMs)} of builds`, `${clock(sharedMs)} a slot`),
    row(
      complete ? 'queue empty after' : 'ended early after',
      clock(queueEmptyMs),
      `${ratio(queueEmptyMs, sharedMs)} of work a slot, with all faults`
    ),
    row(
      'wall time',
      clock(wallMs),
      `${ratio(wallMs, idealMs)} of the ideal, ${clock(idealMs)}` +
        (facts.stillRunning > 0 ? '; the end of the long builds is computed' : '')
    ),
    ...(share < 1 && complete
      ? [
          row(
            'whole run, extrapolated',
            clock(queueEmptyMs / share),
            `until the queue is empty; ideal ${clock(sharedMs / share)}. After it only long builds run, up to 7 h`
          )
        ]
      : []),
    row('idle while there is work', percent(figures.idleShare), 'without faults; less than 2 % is promised'),
    row(
      'the same with faults',
      percent(figures.idleShareWithFaults),
      `${whole(facts.ended)} coordinators killed or stopped`
    )
  ]
}

function faultRows(figures: ScenarioFigures, { ended }: TableFacts): readonly ReportRow[] {
  return [
    row(
      'killed coordinator → first grant',
      spreadText(figures.killed),
      'promised: median ≤ 15 s, p90 ≤ 25 s'
    ),
    row(
      'killed coordinator → next one may grant',
      spreadText(figures.killedToAuthority),
      'what a builder that always waits would see, but for four hops'
    ),
    row(
      'stopped coordinator → first grant',
      spreadText(figures.stopped),
      'in a small mesh somebody has to want one first'
    ),
    row(
      'stopped coordinator → next one may grant',
      spreadText(figures.stoppedToAuthority),
      'promised: a grant within 1 s'
    ),
    row(
      'work lost with coordinators',
      clock(figures.lostWorkMs),
      `${whole(figures.lostBuilds)} builds of ${whole(ended)} nodes that built, too; ${percent(figures.lostWorkMs / figures.workMs)} of all work`
    )
  ]
}

function trafficRows({ nodes, figures }: Run, facts: TableFacts): readonly ReportRow[] {
  const { directPerNodeSecond, gossipPerNodeSecond, bytesPerNodeSecond } = figures
  const total = facts.byKind.reduce((sum, [, perSecond]) => sum + perSecond, 0)
  const kinds = facts.byKind.filter(([, perSecond]) => perSecond >= MIN_KINDS_SHARE * total)
  return [
    row(
      'messages per node',
      `${(directPerNodeSecond + gossipPerNodeSecond).toFixed(2)} /s`,
      `${directPerNodeSecond.toFixed(2)} direct, sent or received; ${gossipPerNodeSecond.toFixed(2)} gossiped, each counted once`
    ),
    row(
      'of the whole mesh',
      `${total.toFixed(1)} /s`,
      `gossiped ones once: ${kinds.map(([kind, perSecond]) => `${kind} ${perSecond.toFixed(1)}`).join(', ')}`
    ),
    row(
      'entries with results',
      `${facts.entriesPerSecond.toFixed(2)} /s`,
      'gossiped, too; not in the lines above'
    ),
    row(
      'bytes per node',
      `${whole(bytesPerNodeSecond)} B/s`,
      'CBOR without envelopes; gossipsub may bring a copy from each of 6 peers'
    ),
    row(
      'busiest node',
      `${figures.busiestMessagesPerSecond.toFixed(1)} direct messages/s`,
      nodes > 100 ? 'a witness of all shards rather than a coordinator' : 'in 10 s'
    )
  ]
}

function costRows(figures: ScenarioFigures, { foldMs }: TableFacts): readonly ReportRow[] {
  const libp2p = ((figures.directPerNodeSecond + figures.gossipPerNodeSecond) * LIBP2P_MESSAGE_MS) / 1_000
  const speed = whole(figures.events / Math.max(0.001, figures.realMs / 1_000))
  return [
    row(
      'CPU of a coordinator',
      `${percent(figures.coordinatorCpu)} of a core`,
      `of this machine, coordination alone, busiest 10 s ${percent(figures.busiestCoordinatorCpu)}; ${figures.coordinators.toFixed(1)} coordinators granted at a time`
    ),
    row(
      'CPU of another node',
      `${percent(figures.nodeCpu)} of a core`,
      'the same, of nodes that granted nothing'
    ),
    row(
      'left out of CPU',
      `${percent(libp2p)} of a Pi 4's core`,
      'by 1.2 ms a message over libp2p with signatures and CBOR'
    ),
    row('ledger and queue', `${foldMs.toFixed(3)} ms a result`, 'each node takes every result over'),
    row(
      'simulation',
      `${whole(figures.events)} events and deliveries in ${(figures.realMs / 1_000).toFixed(0)} s`,
      `${speed}/s`
    )
  ]
}

function spreadText({ count, medianMs, p90Ms, worstMs }: Spread): string {
  if (count === 0) return 'none'
  return `median ${seconds(medianMs)}, p90 ${seconds(p90Ms)}, worst ${seconds(worstMs)} (${whole(count)})`
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-GB')
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}

function ratio(value: number, ideal: number): string {
  return `${(value / Math.max(1, ideal)).toFixed(3)} ×`
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000]
] as const

/** In the two units that matter. */
function clock(ms: number): string {
  const first = Math.max(
    0,
    UNITS.findIndex(([, unit]) => ms >= unit)
  )
  const [unit, next] = [UNITS[first] ?? UNITS[3], UNITS[first + 1]]
  if (next === undefined || ms < 1_000) return seconds(ms)
  const count = Math.floor(ms / unit[1])
  return `${count} ${unit[0]} ${Math.round((ms - count * unit[1]) / next[1])} ${next[0]}`
}

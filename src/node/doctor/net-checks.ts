import { connect } from 'node:net'
import { messageOf } from '../../core/errors.ts'
import { findUpstream } from '../find-upstream.ts'
import { programMadeMs } from '../pausing/program-made.ts'
import { systemClock } from '../system-clock.ts'
import { type Check, type CheckContext, failure, ok, skipped, warning } from './check.ts'

const TRY_MS = 5_000
const UPSTREAM_MS = 20_000
/** Tickets expire and records are shown by wall clocks; protocols between nodes never ask for them. */
const CLOCK_OFF_MS = 60_000
const CLOCK_WRONG_MS = 10 * 60_000
const CLOCK_CURE = 'timedatectl set-ntp true; a Pi without a clock of its own needs the network for it'
const MAX_MEMBERS = 20

export const clock: Check = {
  id: 'clock',
  title: 'clock',
  why: 'A wrong clock makes tickets expire and TLS fail.',
  async run(context) {
    const offsets = [...(await upstreamOffset(context)), ...offsetOfBuilds(context)]
    const worst = offsets.sort((a, b) => Math.abs(b.ms) - Math.abs(a.ms))[0]
    const wallMs = systemClock.wallMs()
    // Right or not, the others need not be asked.
    if (wallMs < programMadeMs())
      return failure(
        `it says ${new Date(wallMs).toISOString().slice(0, 10)}, before this program was installed`,
        CLOCK_CURE
      )
    if (worst === undefined) return skipped('nobody could be asked for the time')
    const size = Math.abs(worst.ms)
    const found = `${(size / 1000).toFixed(1)} s ${worst.ms < 0 ? 'behind' : 'ahead of'} ${worst.whose}`
    if (size < CLOCK_OFF_MS) return ok(found)
    return size < CLOCK_WRONG_MS ? warning(found, CLOCK_CURE) : failure(found, CLOCK_CURE)
  }
}

interface Offset {
  /** Above 0: this machine is ahead. */
  readonly ms: number
  readonly whose: string
}

/** `Date` has whole seconds. */
async function upstreamOffset({ config, signal }: CheckContext): Promise<readonly Offset[]> {
  try {
    const url = await findUpstream(config)
    const answer = await fetch(url, { method: 'HEAD', signal: both(signal, UPSTREAM_MS), redirect: 'manual' })
    const date = Date.parse(answer.headers.get('date') ?? '')
    return Number.isNaN(date) ? [] : [{ ms: systemClock.wallMs() - date, whose: 'the upstream index' }]
  } catch {
    return []
  }
}

/** No build can have ended after now: one that did was timed by a clock that is ahead of this one. */
function offsetOfBuilds({ node }: CheckContext): readonly Offset[] {
  const newest = Math.max(0, ...(node?.finishedMs ?? []))
  const ms = systemClock.wallMs() - newest
  return ms < 0 ? [{ ms, whose: 'a member that built something' }] : []
}

export const members: Check = {
  id: 'members',
  title: 'members',
  why: 'What one node loses, the others have; and they build what it wants.',
  async run({ node, signal }) {
    if (node === undefined) return skipped('the node does not run')
    const others = node.nodes.filter(({ self }) => !self)
    if (others.length === 0) return ok('it is alone in its mesh')
    const away = others.filter(({ connected }) => !connected)
    if (away.length === 0) return ok(`all ${others.length} are connected`)
    const tried = await Promise.all(
      away.slice(0, MAX_MEMBERS).map(async ({ label, addresses }) => ({
        label,
        answers: await anyAnswers(addresses, signal)
      }))
    )
    const near = tried.filter(({ answers }) => answers).map(({ label }) => label)
    const found = `${others.length - away.length} of ${others.length} connected; away: ${away.map(({ label }) => label).join(', ')}`
    if (near.length > 0) {
      return warning(
        `${found}; ${near.join(', ')} can be reached all the same`,
        'wait a minute; then look at the log of both nodes'
      )
    }
    const cure = 'look whether they run, and whether TCP port 4710 is open between you'
    return away.length === others.length ? failure(found, cure) : warning(found, cure)
  }
}

/** Whether one of the multiaddrs takes a TCP connection. */
async function anyAnswers(addresses: readonly string[], signal: AbortSignal): Promise<boolean> {
  const tried = await Promise.all(addresses.slice(0, 8).map((address) => answers(address, signal)))
  return tried.includes(true)
}

function answers(multiaddr: string, signal: AbortSignal): Promise<boolean> {
  const [, host, port] = /^\/(?:ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d+)/.exec(multiaddr) ?? []
  if (host === undefined) return Promise.resolve(false)
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port), timeout: TRY_MS })
    const end = (isThere: boolean): void => {
      socket.destroy()
      resolve(isThere)
    }
    socket.once('connect', () => {
      end(true)
    })
    for (const event of ['error', 'timeout']) {
      socket.once(event, () => {
        end(false)
      })
    }
    signal.addEventListener('abort', () => {
      end(false)
    })
  })
}

export const upstream: Check = {
  id: 'upstream',
  title: 'upstream index',
  why: 'Releases and their sources come from there.',
  async run({ config, signal }) {
    try {
      const url = await findUpstream(config)
      const answer = await fetch(new URL('pip/', url.endsWith('/') ? url : `${url}/`), {
        headers: { accept: 'application/vnd.pypi.simple.v1+json, text/html;q=0.1' },
        signal: both(signal, UPSTREAM_MS)
      })
      await answer.body?.cancel()
      const host = new URL(url).host
      // An index of one's own need not have pip.
      if (answer.ok || answer.status === 404) return ok(`${host} answers`)
      return failure(`${host} answers ${answer.status}`, 'look at `pip config list`, or set `upstream`')
    } catch (error) {
      return failure(
        `it does not answer: ${messageOf(error)}`,
        'look at the network and at `pip config list`, or set `upstream`'
      )
    }
  }
}

function both(signal: AbortSignal, ms: number): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(ms)])
}

import { fork, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NodeId, Sha256 } from '../src/core/ids.ts'
import type { BlobFacts } from '../src/core/ports.ts'
import type { Order } from './blob-node.child.ts'

/**
 * How fast a wheel goes from one member to another: real processes, real libp2p streams on loopback, every piece and the whole
 * checked, and the file synced to the disk, against plain HTTP of the same file with the same hash at the client, in one run
 * and in turn. With the upload of each holder capped, two must be nearly twice as fast as one.
 * With --ladder the rungs between the two are measured beside them: bare TCP, a bare stream of libp2p, our protocol without
 * the disk. What is below the bare stream is ours; what is above it is noise and yamux.
 * The processes get V8's flags that are given with --v8, for what the program itself is started with.
 * Usage: npx tsx bench/blobs.bench.ts [--mb 300] [--rounds 5] [--ladder] [--json] [--v8=FLAG]...
 */
const MB = 1_000_000
const BYTES = numberAfter('--mb', 300) * MB
const ROUNDS = numberAfter('--rounds', 5)
const CAP = 40 * MB
const HAS_LADDER = process.argv.includes('--ladder')
const V8_FLAGS = process.argv.filter((word) => word.startsWith('--v8=')).map((word) => `--${word.slice(5)}`)

interface Blob extends BlobFacts {
  readonly digest: Sha256
}

interface Member {
  readonly node: NodeId
  readonly addresses: readonly string[]
  ask<T = object>(order: Order): Promise<T>
  end(): void
}

interface Sample {
  readonly ms: number
  readonly cpuMs: number
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cw-bench-blobs-'))
  const members: Member[] = []
  try {
    for (const [name, upload] of Object.entries(MEMBERS))
      members.push(await startMember(join(folder, name), upload))
    const [reader, ...holders] = members
    if (reader === undefined) return
    const make: Order = { kind: 'make', bytes: BYTES, seed: 'a wheel' }
    const blobs = await Promise.all(holders.map((one) => one.ask<Blob>(make)))
    for (const one of holders) await introduce(reader, one)
    report(await measure(reader, holders, blobs[0]))
  } finally {
    for (const one of members) one.end()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Reads from all others; what each may send a second. */
const MEMBERS = { reader: 0, first: 0, second: 0, third: CAP, fourth: CAP }

async function startMember(folder: string, upload: number): Promise<Member> {
  const child = fork(new URL('blob-node.child.ts', import.meta.url), {
    execArgv: ['--import', 'tsx', ...V8_FLAGS]
  })
  const ask = asker(child)
  const { node, addresses } = await ask<Pick<Member, 'node' | 'addresses'>>({ kind: 'start', folder, upload })
  return { node, addresses, ask, end: () => child.kill('SIGKILL') }
}

function asker(child: ChildProcess): Member['ask'] {
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  child.on(
    'message',
    (message: { readonly id: number; readonly value?: unknown; readonly error?: string }) => {
      const { id, value, error } = message
      if (error === undefined) waiting.get(id)?.resolve(value)
      else waiting.get(id)?.reject(new Error(error))
      waiting.delete(id)
    }
  )
  let last = 0
  return <T>(order: Order) =>
    new Promise<T>((resolve, reject) => {
      const id = (last += 1)
      waiting.set(id, { resolve: resolve, reject })
      child.send({ id, order })
    })
}

async function introduce(reader: Member, holder: Member): Promise<void> {
  await holder.ask({ kind: 'befriend', node: reader.node, addresses: [] })
  await reader.ask({ kind: 'befriend', node: holder.node, addresses: holder.addresses })
}

type Rows = Readonly<Record<string, Sample[]>>

/** What is asked of the reader, and who seems to hold the blob meanwhile. */
type Ways = Readonly<Record<string, readonly [Order, ...Member[]]>>

/** All ways once a round, so that other load on the machine hits them alike. */
async function measure(reader: Member, holders: readonly Member[], blob: Blob | undefined): Promise<Rows> {
  const [first, second, third, fourth] = holders
  if (!blob || !first || !second || !third || !fourth) throw new Error('a holder is missing')
  const { digest, size, pieces } = blob
  const about = { size, ...(pieces === undefined ? {} : { pieces }) }
  const { url, port } = await first.ask<{ readonly url: string; readonly port: number }>({
    kind: 'serve',
    digest
  })
  const fetchFrom = (...from: readonly Member[]): Fetch => ({
    kind: 'fetch',
    digest,
    about,
    hint: from.map(({ node }) => node),
    isStored: true
  })
  const ways: Ways = {
    ...ladder(blob, { first, port, fetch: fetchFrom(first) }),
    http: [{ kind: 'http', url, digest, isStored: false }, first],
    'http, stored': [{ kind: 'http', url, digest, isStored: true }, first],
    'one holder': [fetchFrom(first), first],
    'two holders': [fetchFrom(first, second), first, second],
    'one holder, capped': [fetchFrom(third), third],
    'two holders, capped': [fetchFrom(third, fourth), third, fourth]
  }
  const rows = Object.fromEntries(Object.keys(ways).map((way) => [way, [] as Sample[]]))
  // round 0 warms up
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [way, [order, ...shown]] of Object.entries(ways)) {
      for (const one of holders) await one.ask({ kind: 'show', digest, isShown: shown.includes(one) })
      const sample = await reader.ask<Sample>(order)
      if (round > 0) rows[way]?.push(sample)
    }
  }
  return rows
}

type Fetch = Extract<Order, { kind: 'fetch' }>

function ladder(
  { digest, size }: Blob,
  { first, port, fetch }: { readonly first: Member; readonly port: number; readonly fetch: Fetch }
): Ways {
  if (!HAS_LADDER) return {}
  const [address = ''] = first.addresses
  return {
    'bare TCP': [{ kind: 'tcp', port, digest, bytes: size }, first],
    'bare libp2p': [{ kind: 'bare', address, digest, bytes: size }, first],
    'one holder, no disk': [{ ...fetch, isStored: false }, first]
  }
}

function report(rows: Rows): void {
  const speed = (way: string): number => BYTES / MB / (median((rows[way] ?? []).map(({ ms }) => ms)) / 1_000)
  const print = process.argv.includes('--json') ? console.error : console.log
  print(`${BYTES / MB} MB, medians of ${ROUNDS}`)
  for (const [way, samples] of Object.entries(rows)) {
    const [slowest, fastest] = [
      Math.max(...samples.map(({ ms }) => ms)),
      Math.min(...samples.map(({ ms }) => ms))
    ]
    const range = `${toSpeed(slowest)} to ${toSpeed(fastest)}`
    const cpu = (median(samples.map(({ cpuMs }) => cpuMs)) / 1_000).toFixed(2)
    print(`${way.padEnd(22)} ${speed(way).toFixed(0).padStart(4)} MB/s (${range}), reader's CPU ${cpu} s`)
  }
  const ratio = (a: string, b: string): number => Number((speed(a) / speed(b)).toFixed(2))
  const result = {
    blobRatioToHttp: ratio('one holder', 'http'),
    ...(HAS_LADDER
      ? {
          bareLibp2pRatioToHttp: ratio('bare libp2p', 'http'),
          blobNoDiskRatioToHttp: ratio('one holder, no disk', 'http')
        }
      : {}),
    blobRatioToStoredHttp: ratio('one holder', 'http, stored'),
    twoHoldersRatioToOne: ratio('two holders', 'one holder'),
    cappedTwoHoldersRatioToOne: ratio('two holders, capped', 'one holder, capped')
  }
  print(
    `goals: blobRatioToHttp >= 0.40; two holders > one: nearly 2 when the holders are the limit (${CAP / MB} MB/s each)`
  )
  console.log(JSON.stringify(result))
}

function toSpeed(ms: number): string {
  return (BYTES / MB / (ms / 1_000)).toFixed(0)
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return ((sorted[(sorted.length - 1) >> 1] ?? NaN) + (sorted[sorted.length >> 1] ?? NaN)) / 2
}

function numberAfter(flag: string, otherwise: number): number {
  const at = process.argv.indexOf(flag)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}

await main()

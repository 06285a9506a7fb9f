/** What a node wrote about itself again and again counts once. */
export interface LogNote {
  readonly level: 'info' | 'warn' | 'error'
  readonly text: string
  readonly times: number
  /** Of the first one: the facts beside the text. */
  readonly facts: string
}

const LEVELS: Readonly<Record<number, LogNote['level']>> = { 30: 'info', 40: 'warn', 50: 'error' }
/** What a healthy node says all day. */
const ROUTINE = new Set([
  'building',
  'built',
  'could not be built',
  'this node coordinates',
  'this node coordinates no more',
  'the job board is made'
])
/** Everything else of a fact is time and noise. */
const DROPPED = new Set(['level', 'time', 'msg'])

/** What a node said from `mark` of its log on, but for its daily work, in the order of first mention. */
export function repairNotes(log: string, mark: number): readonly LogNote[] {
  const notes = new Map<string, LogNote>()
  for (const line of log.slice(mark).split('\n')) {
    const fields = lineFields(line)
    const [level, text] = [LEVELS[Number(fields?.['level'])], fields?.['msg']]
    if (fields === undefined || level === undefined || typeof text !== 'string') continue
    if (ROUTINE.has(text)) continue
    const known = notes.get(text)
    if (known === undefined) notes.set(text, { level, text, times: 1, facts: factsOf(fields) })
    else notes.set(text, { ...known, times: known.times + 1 })
  }
  return [...notes.values()]
}

function factsOf(fields: Readonly<Record<string, unknown>>): string {
  const facts = Object.entries(fields).filter(([name]) => !DROPPED.has(name))
  return facts.length === 0 ? '' : JSON.stringify(Object.fromEntries(facts))
}

function lineFields(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>
  } catch {
    return undefined
  }
}

/** A moment of the week on the clock of the wall. */
export interface WeekMinute {
  /** 0 is Sunday, as everywhere in JavaScript. */
  readonly day: number
  /** Since midnight. */
  readonly minute: number
}

/** From a minute of a day for so many minutes, perhaps past midnight; `days`: on which it begins. */
export interface HourWindow {
  readonly days: readonly number[]
  readonly fromMinute: number
  readonly minutes: number
}

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const
const DAY_MINUTES = 24 * 60
const WEEK_MINUTES = 7 * DAY_MINUTES
const WINDOW = /^(?:([a-z]{3})(?:-([a-z]{3}))? )?(\d{2}):(\d{2})-(\d{2}):(\d{2})$/

/**
 * `22:00-07:00`, `mon-fri 18:00-08:00, sat-sun 00:00-24:00`: windows in which a node works; one that goes past midnight belongs to the
 * day on which it begins. Empty: always. Throws a TypeError that says what is wrong.
 */
export function parseHours(text: string): readonly HourWindow[] {
  if (text.trim() === '') return []
  return text
    .toLowerCase()
    .split(',')
    .map((part) => windowOf(part.trim().replaceAll(/\s+/g, ' ')))
}

/** Whether some window is open; without any, always. */
export function isWithin(windows: readonly HourWindow[], now: WeekMinute): boolean {
  return windows.length === 0 || minutesUntilOpen(windows, now) === 0
}

/** 0 while one is open. */
export function minutesUntilOpen(windows: readonly HourWindow[], { day, minute }: WeekMinute): number {
  const now = day * DAY_MINUTES + minute
  const waits = windows.flatMap(({ days, fromMinute, minutes }) =>
    days.map((begins) => {
      const opens = begins * DAY_MINUTES + fromMinute
      const sinceOpen = (now - opens + WEEK_MINUTES) % WEEK_MINUTES
      return sinceOpen < minutes ? 0 : WEEK_MINUTES - sinceOpen
    })
  )
  return Math.min(...waits)
}

function windowOf(text: string): HourWindow {
  const [, first, last, ...numbers] = WINDOW.exec(text) ?? []
  const [fromHour = NaN, fromMinute = NaN, toHour = NaN, toMinute = NaN] = numbers.map(Number)
  const [from, to] = [minuteOf(fromHour, fromMinute), minuteOf(toHour, toMinute)]
  const days = daysOf(first, last ?? first)
  if (from === undefined || to === undefined || days === undefined || from === DAY_MINUTES)
    throw new TypeError(`hours look like 22:00-07:00 or "mon-fri 18:00-08:00, sat-sun 00:00-24:00"`)
  const minutes = to > from ? to - from : to + DAY_MINUTES - from
  return { days, fromMinute: from, minutes }
}

function minuteOf(hour: number, minute: number): number | undefined {
  const sum = hour * 60 + minute
  return minute < 60 && sum <= DAY_MINUTES ? sum : undefined
}

/** From one day on to the other, over the end of the week if need be. */
function daysOf(first: string | undefined, last: string | undefined): readonly number[] | undefined {
  if (first === undefined || last === undefined) return DAYS.map((_, day) => day)
  const [from, to] = [first, last].map((name) => DAYS.findIndex((day) => day === name))
  if (from === undefined || to === undefined || from < 0 || to < 0) return undefined
  const count = ((to - from + DAYS.length) % DAYS.length) + 1
  return Array.from({ length: count }, (_, at) => (from + at) % DAYS.length)
}

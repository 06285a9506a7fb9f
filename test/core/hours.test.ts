import { expect, test } from 'vitest'
import { isWithin, minutesUntilOpen, parseHours, type WeekMinute } from '../../src/core/hours.ts'

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const at = (text: string): WeekMinute => {
  const [, day = '', hour, minute] = /^(\w+) (\d+):(\d+)$/.exec(text) ?? []
  return { day: DAYS.indexOf(day), minute: Number(hour) * 60 + Number(minute) }
}

test.for([
  ['', 'wed 03:00', 0],
  ['22:00-07:00', 'wed 22:00', 0],
  ['22:00-07:00', 'wed 06:59', 0],
  ['22:00-07:00', 'wed 07:00', 15 * 60],
  ['22:00-07:00', 'sun 00:00', 0],
  ['00:00-24:00', 'sat 23:59', 0],
  // The night from Friday to Saturday belongs to Friday, the one to Monday to nobody.
  ['mon-fri 18:00-08:00', 'sat 07:59', 0],
  ['mon-fri 18:00-08:00', 'sat 08:00', (24 + 24 + 10) * 60],
  ['mon-fri 18:00-08:00', 'mon 05:00', 13 * 60],
  ['Mon-Fri 18:00-08:00,  sat-sun 00:00-24:00', 'sun 12:00', 0],
  ['sat-mon 12:00-13:00', 'sun 12:30', 0],
  ['sat-mon 12:00-13:00', 'tue 12:30', (4 * 24 - 0.5) * 60],
  ['sat 22:00-02:00', 'sun 01:00', 0]
] as const)('%s, at %s: opens in %i min', ([hours, now, minutes]) => {
  const windows = parseHours(hours)
  expect(isWithin(windows, at(now))).toBe(minutes === 0)
  if (windows.length > 0) expect(minutesUntilOpen(windows, at(now))).toBe(minutes)
})

test.for([
  '22-7',
  '25:00-07:00',
  '22:60-07:00',
  '24:00-07:00',
  'xyz 22:00-07:00',
  '22:00-07:00,',
  'mon 22:00'
])('%s is refused', (hours) => {
  expect(() => parseHours(hours)).toThrow(TypeError)
})

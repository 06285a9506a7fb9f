import { z } from 'zod'
import { parseHours } from '../core/hours.ts'

const MiB = 1024 ** 2
const week = 7 * 24 * 3600 * 1000

const percent = z.int().min(0).max(100)

/** What builds may take of a machine that has other work, too. */
export const capsSchema = z.strictObject({
  hours: z
    .string()
    .max(200)
    .refine(
      areHours,
      'hours look like "22:00-07:00", or "mon-fri 18:00-08:00, sat-sun 00:00-24:00" by the clock of this machine'
    )
    .describe('When builds begin, by the clock of this machine: `mon-fri 18:00-08:00`; empty: always'),
  cores: z.int().min(0).max(1024).describe('Processors that builds use together; 0: all'),
  reserveMemory: z
    .int()
    .min(0)
    .describe('Memory that stays for everything else: none is begun while less is free'),
  temperature: z
    .int()
    .min(0)
    .max(150)
    .describe('No build begins from so many °C on, until the processor is 5 °C cooler; 0: no bound'),
  longestJobMs: z
    .int()
    .min(0)
    .max(week)
    .describe('Take no job that took longer before, on any node; 0: no bound'),
  cpuPressure: percent.describe(
    'No build begins while other programs wait for the processor in so many percent of the time; 0: no bound'
  ),
  memoryPressure: percent.describe('The same of memory')
})

/** What holds where nobody says otherwise. */
export const DEFAULT_CAPS: z.infer<typeof capsSchema> = {
  hours: '',
  cores: 0,
  // What sshd, the node itself and the kernel's buffers need at the least.
  reserveMemory: 128 * MiB,
  // Where a Raspberry Pi begins to slow itself down.
  temperature: 80,
  longestJobMs: 0,
  cpuPressure: 0,
  // Far beyond what a healthy machine shows: it does nothing but swap.
  memoryPressure: 80
}

function areHours(text: string): boolean {
  try {
    return parseHours(text).length >= 0
  } catch {
    return false
  }
}

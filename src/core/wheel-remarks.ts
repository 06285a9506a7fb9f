import type { WheelRef } from './record.ts'

/** What people should know of a published wheel beside its name, worst first; a test that told nothing is not worth a line. */
export function wheelRemarks({
  smoke,
  suspicious
}: Pick<WheelRef, 'smoke' | 'suspicious'>): readonly string[] {
  return [
    ...(smoke?.outcome === 'failed' ? [`its import failed: ${smoke.reason}`] : []),
    ...(suspicious === undefined ? [] : [`suspicious: ${suspicious}`])
  ]
}

/** A built job in words: the wheel, and what is odd about it. */
export function builtReason(wheel: WheelRef): string {
  return [wheel.filename, ...wheelRemarks(wheel)].join('; ')
}

/** A serial as an index writes it: a number, or text with some mirrors. undefined: none. */
export function serialOf(value: unknown): number | undefined {
  const serial = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
  return typeof serial === 'number' && Number.isSafeInteger(serial) && serial >= 0 ? serial : undefined
}

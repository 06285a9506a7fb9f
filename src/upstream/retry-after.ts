/**
 * When a server that is too busy wants to be asked again (RFC 9110, 10.2.3), in milliseconds from now: seconds, or a date, which is
 * taken by the server's own clock. Undefined: it does not say, or what it says is neither.
 */
export function retryAfterMs(headers: Headers): number | undefined {
  const text = headers.get('retry-after')?.trim() ?? ''
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000
  const ms = Date.parse(text) - Date.parse(headers.get('date') ?? '')
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

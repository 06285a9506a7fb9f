/** How pages for people say numbers. */
export function numberText(number: number): string {
  return number.toLocaleString('en-GB')
}

export function countOf(number: number, word: string, plural = `${word}s`): string {
  return `${numberText(number)} ${number === 1 ? word : plural}`
}

export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  const [value, unit] = bytes < 1024 ** 2 ? [bytes / 1024, 'KiB'] : [bytes / 1024 ** 2, 'MiB']
  return `${value.toFixed(1)} ${unit}`
}

/** `43 s`, `12 min`, `3 h 5 min`. */
export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${Math.max(seconds, 0)} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const rest = minutes % 60
  return rest === 0 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 60)} h ${rest} min`
}

/** `just now`, `5 minutes ago`, `3 days ago`; what the clock of another node puts into the future is now. */
export function agoText(thenMs: number, nowMs: number): string {
  const minutes = Math.floor((nowMs - thenMs) / 60_000)
  if (minutes < 1) return 'just now'
  if (minutes < 60) return `${countOf(minutes, 'minute')} ago`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${countOf(hours, 'hour')} ago` : `${countOf(Math.floor(hours / 24), 'day')} ago`
}

/** The latest date that ECMAScript can print: a builder's clock must not be able to break a page. */
const MAX_DATE_MS = 8.64e15

/** ISO 8601 in UTC, whole seconds. */
export function isoSeconds(ms: number): string {
  const safeMs = Number.isFinite(ms) ? Math.min(Math.max(ms, 0), MAX_DATE_MS) : 0
  return new Date(safeMs).toISOString().replace(/\.\d+Z$/, 'Z')
}

/** One entry of an `Accept` or `Accept-Encoding` header. */
interface Preference {
  readonly value: string
  readonly quality: number
}

/**
 * Which of `offers` a client likes best (RFC 9110 §12.5.1): highest quality, then the order of the offers. With no
 * header, or when nothing offered is wanted, the first: PEP 691 allows it, PyPI does it, and a person with a browser
 * or curl sees a page rather than an error.
 */
export function chooseType<T extends string>(accept: string | undefined, offers: readonly [T, ...T[]]): T {
  if (accept === undefined) return offers[0]
  const wanted = parsePreferences(accept)
  let best: T = offers[0]
  let bestQuality = 0
  for (const offer of offers) {
    const quality = qualityOf(offer, wanted)
    if (quality > bestQuality) [best, bestQuality] = [offer, quality]
  }
  return best
}

/** Whether a gzip body may be sent (RFC 9110 §12.5.3). No header means any; we take the plain body then. */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  if (acceptEncoding === undefined) return false
  const wanted = parsePreferences(acceptEncoding)
  const match = ['gzip', 'x-gzip', '*'].map((value) => wanted.find((entry) => entry.value === value))
  return (match.find((entry) => entry !== undefined)?.quality ?? 0) > 0
}

/** The most specific entry that matches decides, wherever it stands. */
function qualityOf(type: string, wanted: readonly Preference[]): number {
  const group = `${type.slice(0, type.indexOf('/'))}/*`
  const match = [type, group, '*/*'].map((value) => wanted.find((entry) => entry.value === value))
  return match.find((entry) => entry !== undefined)?.quality ?? 0
}

function parsePreferences(header: string): readonly Preference[] {
  return header.split(',').map((entry) => {
    const [value = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase())
    return { value, quality: parseQuality(parameters.find((parameter) => parameter.startsWith('q='))) }
  })
}

/** `q=` is 0 to 1 with at most three digits; what is not, is an entry that its sender did not mean. */
function parseQuality(parameter: string | undefined): number {
  if (parameter === undefined) return 1
  const digits = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.exec(parameter)?.[1]
  return digits === undefined ? 0 : Number(digits)
}

import { request, type IncomingHttpHeaders } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { chooseType } from '../../src/http/negotiate.ts'

/** One question, put to the node and to its mirror. */
export interface Question {
  readonly method?: 'GET' | 'HEAD'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface Difference {
  readonly question: string
  /** `status`, `body`, or the name of a header. */
  readonly what: string
  readonly node: string
  readonly mirror: string
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Differences that stay, each with its reason: docs/mirror.md lists the same. */
export interface KnownDifference {
  readonly what: string
  readonly reason: string
  readonly fits: (difference: Difference, answers: Answers, asked: Question) => boolean
}

interface Answers {
  readonly node: Answer
  readonly mirror: Answer
}

const isRedirect = ({ node }: Answers): boolean => node.status === 301
const V1 = [
  'text/html',
  'application/vnd.pypi.simple.v1+json',
  'application/vnd.pypi.simple.v1+html'
] as const
const LATEST = ['application/vnd.pypi.simple.latest+json', 'application/vnd.pypi.simple.latest+html'] as const

/** The node takes a form for wanted when its name `latest` is, although `v1` itself is wanted less. */
function isTakenAsLatest({ headers }: Question): boolean {
  const accept = headers?.['accept']
  return chooseType(accept, [...V1, ...LATEST]).replace('latest', 'v1') !== chooseType(accept, V1)
}

const KNOWN: readonly KnownDifference[] = [
  {
    what: 'Server, Date, Connection, Keep-Alive, Transfer-Encoding',
    reason: 'of the connection and the program, not of the answer; nginx names itself, a node does not',
    fits: ({ what }) => ['server', 'date', 'connection', 'keep-alive', 'transfer-encoding'].includes(what)
  },
  {
    what: 'body, Content-Type and Content-Length of a redirect',
    reason: 'nginx writes a small page under each 301, which no client reads; Location is the same',
    fits: ({ what }, answers) =>
      isRedirect(answers) && ['body', 'content-type', 'content-length'].includes(what)
  },
  {
    what: 'body and Content-Type of a 416',
    reason: 'nginx writes its own page; Content-Range is the same',
    fits: ({ what }, { node, mirror }) =>
      node.status === 416 && mirror.status === 416 && !['status', 'content-range'].includes(what)
  },
  {
    what: 'ETag of a log that is sent without gzip',
    reason: 'nginx inflates it on its way and makes its tag a weak one; a conditional request with it works',
    fits: ({ what, question, node, mirror }) =>
      what === 'etag' && question.includes('/logs/') && mirror === `W/${node}`
  },
  {
    what: 'Content-Length and Accept-Ranges of a 304',
    reason:
      'nginx says that it has no bytes, a node that ranges may be asked for; a cache takes neither from a 304 (RFC 9111 §3.2)',
    fits: ({ what }, { node, mirror }) =>
      node.status === 304 && mirror.status === 304 && ['content-length', 'accept-ranges'].includes(what)
  },
  {
    what: 'Accept-Ranges of a 206',
    reason: 'nginx says it with the whole file alone; the range itself says that ranges are served',
    fits: ({ what }, { node, mirror }) =>
      what === 'accept-ranges' && node.status === 206 && mirror.status === 206
  },
  {
    what: 'an Accept that wants v1 less than application/* or */*',
    reason:
      'a node then sends the form for the sake of its other name, latest, which the asterisk wants more',
    fits: (_difference, _answers, asked) => isTakenAsLatest(asked)
  },
  {
    what: 'a path with %00 or %2F',
    reason:
      'nginx refuses the first with 400, and takes the second for a slash, so that its 404 has other words',
    fits: ({ question }, { node, mirror }) =>
      /%00|%2f/i.test(question) && node.status === 404 && [400, 404].includes(mirror.status)
  },
  {
    what: 'HEAD, or a conditional GET, of a file that no member holds',
    reason:
      'a node looks for a holder when it must send the bytes; the mirror knows before, and says 503 at once',
    fits: ({ question }, { node, mirror }) =>
      mirror.status === 503 &&
      (node.status === 304 || (node.status === 200 && question.startsWith('HEAD')) || node.status === 416)
  },
  {
    what: 'Content-Length of a HEAD',
    reason: 'a node leaves it out for logs, and for pages of people',
    fits: ({ what, node, question }) =>
      what === 'content-length' && node === '' && question.startsWith('HEAD')
  }
]

/** Asks both, the node by the mirror's name, and tells all that is not the same. */
export async function compare(
  node: string,
  mirror: string,
  questions: readonly Question[]
): Promise<{ readonly known: ReadonlyMap<KnownDifference, number>; readonly amiss: readonly Difference[] }> {
  const known = new Map<KnownDifference, number>()
  const amiss: Difference[] = []
  const { host } = new URL(mirror)
  for (const question of questions) {
    const answers = { node: await ask(node, question, host), mirror: await ask(mirror, question, host) }
    for (const difference of differencesOf(question, answers)) {
      const reason = KNOWN.find(({ fits }) => fits(difference, answers, question))
      if (reason === undefined) amiss.push(difference)
      else known.set(reason, (known.get(reason) ?? 0) + 1)
    }
  }
  return { known, amiss }
}

function differencesOf(
  question: Question,
  { node, mirror }: { readonly node: Answer; readonly mirror: Answer }
): readonly Difference[] {
  const { method = 'GET', path, headers = {} } = question
  const name = `${method} ${path} ${JSON.stringify(headers)}`
  const rows: (readonly [string, string, string])[] = [
    ['status', String(node.status), String(mirror.status)],
    ['body', shown(node.body), shown(mirror.body)],
    ...[...new Set([...Object.keys(node.headers), ...Object.keys(mirror.headers)])].map(
      (header) => [header, valueOf(node, header), valueOf(mirror, header)] as const
    )
  ]
  return rows
    .filter(([what, one, other]) => one !== other || (what === 'body' && !node.body.equals(mirror.body)))
    .map(([what, one, other]) => ({ question: name, what, node: one, mirror: other }))
}

const SHOWN_BYTES = 120

function shown(body: Buffer): string {
  return `${body.byteLength} bytes ${JSON.stringify(body.subarray(0, SHOWN_BYTES).toString())}`
}

function valueOf({ headers }: Answer, name: string): string {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : (value ?? '')
}

export async function ask(
  base: string,
  { method = 'GET', path, headers }: Question,
  host?: string
): Promise<Answer> {
  const { hostname, port } = new URL(base)
  return new Promise((resolve, reject) => {
    const named = host === undefined ? {} : { host }
    // By its parts: a URL would mend the path that is asked for.
    const asked = request({ hostname, port, path, method, headers: { ...named, ...headers } }, (answer) => {
      buffer(answer).then((body) => {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body })
      }, reject)
    })
    asked.once('error', reject)
    asked.end()
  })
}

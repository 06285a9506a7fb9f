import { must, mustEqual } from './client-check.ts'
import type { Exchange, Front } from '../../test/support/recording-front.ts'
import type { ConformanceMesh } from './mesh.ts'

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'

/** Wheels that the client fetched, whole or in part, by name and sorted. */
export function bodiesOf(front: Front): readonly string[] {
  return namesOf(front.files('.whl').filter(({ method }) => method === 'GET'))
}

export function metadataOf(front: Front): readonly string[] {
  return namesOf(front.files('.whl.metadata'))
}

function namesOf(exchanges: readonly Exchange[]): readonly string[] {
  return [...new Set(exchanges.map(({ path }) => decodeURIComponent(path.split('/').at(-1) ?? '')))].sort()
}

/** Our wheels came from the mesh, and of these projects no client fetched a source archive from upstream. */
export function mustComeFromMesh(
  { front, mesh }: { readonly front: Front; readonly mesh: ConformanceMesh },
  wheels: readonly string[]
): void {
  mustEqual('wheels fetched from the mesh', bodiesOf(front), [...wheels].sort())
  const modules = wheels.map((wheel) => wheel.split('-', 1)[0]!)
  const sources = mesh.upstream.requests.filter(
    ({ path, headers }) =>
      path.endsWith('.tar.gz') &&
      modules.some((module) => path.includes(`/${module}-`)) &&
      !isOfNode(headers['user-agent'])
  )
  mustEqual(
    'source archives fetched by a client',
    sources.map(({ path }) => path),
    []
  )
}

function isOfNode(userAgent: string | undefined): boolean {
  return /commonwheel/i.test(userAgent ?? '')
}

/** What the client said it takes, and what it got; the answer must tell caches that it depends on that. */
export function mustNegotiate(front: Front, project: string, wanted: 'JSON' | 'HTML'): string {
  const [page] = front.pages(project)
  if (page === undefined) throw new Error(`no page of ${project} was asked for`)
  const type = String(page.answer['content-type'])
  must(`${wanted} was to be sent, not ${type}`, type.startsWith(wanted === 'JSON' ? JSON_TYPE : 'text/html'))
  must(`Vary does not name Accept: ${String(page.answer.vary)}`, /\baccept\b/i.test(String(page.answer.vary)))
  return type
}

/** The last request for a page was conditional, and answered 304 without a body. */
export function mustBeConditional(front: Front, project: string): string {
  const page = front.pages(project).at(-1)
  if (page === undefined) throw new Error('the second time the page was not asked for at all')
  must('no If-None-Match was sent', page.headers['if-none-match'] !== undefined)
  mustEqual('status of the second answer', page.status, 304)
  mustEqual('bytes of its body', page.bytes, 0)
  return `304 for ${String(page.headers['if-none-match']).slice(0, 12)}…`
}

/** After the cut: a request for the rest, answered as such. */
export function mustResume(front: Front, wheel: string): string {
  const requests = front.files(wheel).filter(({ method }) => method === 'GET')
  const resumed = requests.find(({ status }) => status === 206)
  must(
    `no 206 among ${JSON.stringify(requests.map(({ status, headers: { range } }) => [status, range]))}`,
    resumed !== undefined
  )
  return `${String(resumed!.headers.range)}: ${String(resumed!.answer['content-range'])}`
}

/** Asked once, answered 404 at once: no client asks again for what is not there. */
export function mustBeUnknown(front: Front, project: string): string {
  const pages = front.pages(project)
  mustEqual(
    'answers',
    pages.map(({ status }) => status),
    [404]
  )
  return 'one request, 404'
}

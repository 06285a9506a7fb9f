import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseProjectName } from '../../src/core/distribution.ts'
import { parseProjectPage } from '../../src/core/parse-project-page.ts'
import type { UpstreamAnswer, UpstreamIndex } from '../../src/core/ports.ts'
import type { ProjectPage } from '../../src/core/project-page.ts'
import { createIndexClient } from '../../src/upstream/index-client.ts'
import { startFixtureUpstream, type FixtureUpstream } from './fixture-upstream.ts'

export const demo = parseProjectName('demo')
export const demoSdist = {
  filename: 'demo-1.0.tar.gz',
  bytes: Buffer.from('an sdist'),
  requiresPython: '>=3.9'
}
export const demoWheel = {
  filename: 'demo-1.0-py3-none-any.whl',
  bytes: Buffer.from('a wheel'),
  metadata: 'Metadata-Version: 2.1\n',
  yanked: 'broken'
}

const stops: (() => Promise<void>)[] = []

/** For afterEach: closes every server that a test opened. */
export async function closeServers(): Promise<void> {
  await Promise.all(stops.splice(0).map((stop) => stop()))
}

export async function demoUpstream(): Promise<FixtureUpstream> {
  const upstream = await startFixtureUpstream({ projects: { demo: [demoSdist, demoWheel] } })
  stops.push(() => upstream.close())
  return upstream
}

export function aClient(indexUrl: string, timeoutMs = 5_000): UpstreamIndex {
  return createIndexClient({ indexUrl, userAgent: 'commonwheel-test/0', timeoutMs, retryWaitsMs: [1, 1] })
}

export function pageOf(answer: UpstreamAnswer): ProjectPage {
  if (answer.kind !== 'page') throw new Error(`no page: ${answer.kind}`)
  return parseProjectPage(JSON.parse(Buffer.from(answer.page.body).toString('utf8')), demo)
}

type Respond = (status: number, headers: Record<string, string>, body: string) => void

/** A server on loopback that answers as told; its origin. */
export async function serve(
  handle: (path: string, respond: Respond, authorization: string | undefined) => void
): Promise<string> {
  const server = createServer((request, response) => {
    handle(
      request.url ?? '',
      (status, headers, body) => {
        response.writeHead(status, headers).end(body)
      },
      request.headers.authorization
    )
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  stops.push(
    () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      })
  )
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

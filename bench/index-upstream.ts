import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sha256Hex } from '../src/core/digest.ts'
import { pageOf } from './ledger-folder.ts'

/** Of 5,000 projects so many have wheels of the mesh: 2,500 results. */
export const WITH_WHEELS = 50

/** Upstream's files of a project, so that 5,000 have some 50,000: most have few, two have 4,120. */
function filesOf(index: number): number {
  if (index % 2_500 === 60) return 4_120
  if (index % 100 === 61) return 120
  return index % 5 === 0 ? 20 : 4
}

/** Names have no pattern for the project's number, so that one is looked up. */
function upstreamPage(name: string, index: number): object {
  if (index < WITH_WHEELS) return pageOf(name)
  const files = Array.from({ length: filesOf(index) }, (_, at) => {
    const filename = `${name.replaceAll('-', '_')}-2.${at}-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl`
    const digest = sha256Hex(filename)
    return {
      'core-metadata': { sha256: sha256Hex(`metadata of ${filename}`) },
      filename,
      hashes: { sha256: digest },
      'requires-python': '>=3.9',
      size: 1_000_000 + at,
      'upload-time': '2023-11-14T22:13:20.123456Z',
      url: `https://files.invalid/packages/${digest.slice(0, 2)}/${digest.slice(2, 4)}/${digest.slice(4)}/${filename}`,
      yanked: false
    }
  })
  const versions = files.map((_, at) => `2.${at}`)
  return { meta: { 'api-version': '1.4', '_last-serial': 7 }, name, files, versions }
}

/** The index that the node of index.bench.ts follows: its names have their places. */
export async function startUpstream(
  known: ReadonlyMap<string, number>
): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer((asked, response) => {
    const name = /^\/simple\/([^/]+)\/$/.exec(asked.url ?? '')?.[1] ?? ''
    const index = known.get(name)
    response.setHeader('content-type', 'application/vnd.pypi.simple.v1+json')
    if (index === undefined) response.writeHead(404).end()
    else response.end(JSON.stringify(upstreamPage(name, index)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple/` }
}

import type { RunningNode } from '../node/start-node.ts'
import type { Output } from './output.ts'
import { plain, shortNodeId } from './words.ts'

/** What `join --json` prints when the node is up. */
export interface ReadyFacts {
  readonly mesh: string
  readonly node: string
  readonly founded: boolean
  readonly indexUrl: string
  readonly pageUrl: string
  readonly pip: string
  readonly ticket?: string
  readonly buildRefusal?: string
}

export function readyFacts(node: RunningNode, isLogged: boolean): ReadyFacts {
  const { meshName, nodeId, founded, indexUrl, ticket, buildRefusal } = node
  return {
    mesh: meshName,
    node: nodeId,
    founded,
    indexUrl,
    pageUrl: new URL('/', indexUrl).href,
    pip: pipLine(indexUrl),
    // A ticket lets in whoever reads it: it has no place in a log. `commonwheel invite` makes others.
    ...(ticket !== undefined && !isLogged && { ticket }),
    ...(buildRefusal !== undefined && { buildRefusal })
  }
}

/** What a person needs to know of the node that just came up. */
export function printReady(out: Output, node: RunningNode, roles: readonly string[]): void {
  const { pip, pageUrl } = readyFacts(node, false)
  const mesh = plain(node.meshName)
  const how = node.founded ? `founded the mesh "${mesh}"` : `is in the mesh "${mesh}"`
  out.line()
  out.line(out.paint('bold', `This node (${shortNodeId(node.nodeId)}) ${how}.`))
  out.line()
  out.line(`  install   ${pip}`)
  out.line(`  look      ${pageUrl}`)
  if (node.ticket !== undefined) out.line(`  next Pi   ./commonwheel join ${node.ticket}`)
  out.line()
  out.line(buildLine(out, node, roles))
  out.line('Ctrl-C stops this node.')
}

function buildLine(out: Output, { buildRefusal }: RunningNode, roles: readonly string[]): string {
  if (!roles.includes('build')) return 'It serves and relays; it has no build role.'
  if (buildRefusal === undefined) return out.paint('green', 'It builds.')
  return out.paint('yellow', `It serves and relays, but does not build: ${plain(buildRefusal)}`)
}

/** pip trusts plain HTTP on loopback only. */
function pipLine(indexUrl: string): string {
  const { protocol, hostname } = new URL(indexUrl)
  const trusted = protocol === 'https:' || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
  return `pip install --index-url ${indexUrl}${trusted ? '' : ` --trusted-host ${hostname}`} NAME`
}

import type { StatusView } from './api-types.ts'
import { html } from './markup.ts'
import { pageShell } from './page-shell.ts'

/** Where this node's index is, and what pip must be told to trust it. */
function pipLine(origin: string): string {
  const url = new URL('/simple/', origin)
  const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)
  const trust = url.protocol === 'https:' || loopback ? '' : ` --trusted-host ${url.hostname}`
  return `pip install --index-url ${url.href}${trust} PROJECT`
}

export function frontText(status: StatusView, origin: string): string {
  return [
    `Commonwheel mesh "${status.mesh.name}", node ${status.node.label}`,
    `${count(status.peers.connected, 'peer')} connected, version ${status.node.version}`,
    '',
    `  ${pipLine(origin)}`,
    '',
    'The whole upstream index, and the wheels this mesh built for it.',
    'simple/  project/NAME  api/v1/status  api/v1/nodes  api/v1/jobs  health  metrics',
    ''
  ].join('\n')
}

export function frontPage(status: StatusView, origin: string): string {
  const { mesh, node, peers } = status
  return pageShell(
    `${mesh.name} – Commonwheel`,
    html`<p class="faint">Commonwheel</p>
      <h1>${mesh.name}</h1>
      <p>
        This is node <strong>${node.label}</strong> (version ${node.version}), with
        ${count(peers.connected, 'peer')} connected. It serves the whole upstream index, and the wheels that
        this mesh built for it.
      </p>
      <pre>${pipLine(origin)}</pre>
      <p>
        <a href="simple/">all projects</a> · <a href="api/v1/status">status</a> ·
        <a href="api/v1/nodes">nodes</a> · <a href="api/v1/jobs">jobs</a> · <a href="health">health</a> ·
        <a href="metrics">metrics</a>
      </p>`
  )
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`
}

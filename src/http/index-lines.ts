import { type Markup, NOTHING, html } from './markup.ts'

/** Where the index is for a client that reached this address, and what pip must be told to trust it. */
export interface IndexPlace {
  readonly url: string
  readonly trust: string
}

export function indexPlace(requestUrl: string): IndexPlace {
  const url = new URL('/simple/', requestUrl)
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)
  const trust = url.protocol === 'https:' || isLoopback ? '' : ` --trusted-host ${url.hostname}`
  return { url: url.href, trust }
}

export function pipLine({ url, trust }: IndexPlace, project: string): string {
  return `pip install --index-url ${url}${trust} ${project}`
}

function uvLine({ url }: IndexPlace, project: string): string {
  return `uv pip install --default-index ${url} ${project}`
}

export interface LineOptions {
  /** System libraries: they come first, as without them an import fails. */
  readonly apt?: readonly string[]
  readonly poetry?: boolean
}

/** Lines to copy, each for one tool. */
export function toolLines(
  place: IndexPlace,
  project: string,
  { apt = [], poetry = false }: LineOptions
): Markup {
  return html`<dl class="tools">
    ${apt.length === 0 ? NOTHING : line('apt', `sudo apt install ${apt.join(' ')}`)}
    ${line('pip', pipLine(place, project))} ${line('uv', uvLine(place, project))}
    ${poetry ? line('poetry', `poetry source add --priority=primary commonwheel ${place.url}`) : NOTHING}
  </dl>`
}

/** One click marks the whole line, also where no script runs. */
function line(tool: string, text: string): Markup {
  return html`<dt>${tool}</dt>
    <dd>
      <pre><code class="copy">${text}</code></pre>
    </dd>`
}

import { type Markup, NOTHING, html, trusted } from './markup.ts'
import { searchScript } from './assets.ts'
import { STYLE } from './page-style.ts'

/** Of every HTML page for people. `markup.ts` escapes; this makes an oversight harmless. config/nginx.conf says the same of exported pages. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-cache',
  'content-security-policy': [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    "script-src 'self'",
    "connect-src 'self'",
    'img-src data:',
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'"
  ].join('; '),
  // Nothing for other sites. Our own forms must say where they come from: with less than this, browsers send `Origin: null`.
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff'
}

export interface PageParts {
  readonly title: string
  /** From the page to the node's root: `./`, `../`, `../../`. Links are relative, so that a node may stand below some path. */
  readonly root: string
  readonly body: Markup
  /** The page has a large search of its own. */
  readonly hasSearch?: boolean
  readonly feeds?: readonly FeedLink[]
}

export interface FeedLink {
  readonly title: string
  /** From the node's root. */
  readonly path: string
}

const ALL_FEEDS: readonly FeedLink[] = [
  { title: 'New wheels', path: 'feeds/wheels.atom' },
  { title: 'Failed builds', path: 'feeds/failures.atom' }
]

/** A wheel with eight spokes, one of them missing no more than the others: there is no hub that matters. */
const WHEEL =
  '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" aria-hidden="true"><circle cx="12" cy="12" r="10"/><path d="M12 2v7M12 15v7M2 12h7M15 12h7M5 5l5 5M14 14l5 5M19 5l-5 5M10 14l-5 5" stroke-width="1.4"/></svg>'
const ICON = `data:image/svg+xml,${encodeURIComponent(
  WHEEL.replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" ').replace('currentColor', '#b4472c')
)}`

const STYLE_TAG = trusted(`<style>${STYLE}</style>`)

/** A whole page: what stands around `body` is the same everywhere. */
export function pageShell({ title, root, body, hasSearch = false, feeds = [] }: PageParts): string {
  return html`<!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="icon" href="${ICON}" />
        ${[...feeds, ...ALL_FEEDS].map(
          (feed) =>
            html`<link
              rel="alternate"
              type="application/atom+xml"
              title="${feed.title}"
              href="${root}${feed.path}"
            />`
        )}
        ${STYLE_TAG}
        <script type="module" src="${root}${searchScript().path}"></script>
      </head>
      <body>
        <a class="skip" href="#main">To the text</a>
        <header class="site">
          <a class="brand" href="${root}">${trusted(WHEEL)} Commonwheel</a
          >${hasSearch ? NOTHING : searchForm(root, '')}
        </header>
        <main id="main">${body}</main>
        <footer>
          <p>
            <a href="${root}">Home</a> <a href="${root}simple/">Index</a>
            <a href="${root}feeds/wheels.atom">New wheels</a>
            <a href="${root}feeds/failures.atom">Failed builds</a> <a href="${root}api/v1/status">Status</a>
            <a href="${root}api/v1/nodes">Nodes</a> <a href="${root}api/v1/jobs">Jobs</a>
          </p>
        </footer>
      </body>
    </html> `.toString()
}

/** Works as it is; assets/search.js adds suggestions. */
export function searchForm(root: string, query: string, size: 'big' | 'small' = 'small'): Markup {
  return html`<form
    class="search ${size}"
    action="${root}search"
    method="get"
    role="search"
    data-projects="${root}"
  >
    <label class="quiet" for="q">Name of a project</label
    ><input
      id="q"
      type="search"
      name="q"
      value="${query}"
      placeholder="Find a project"
      autocomplete="off"
      autocapitalize="off"
      spellcheck="false"
      maxlength="200"
    /><button>Search</button>
  </form>`
}

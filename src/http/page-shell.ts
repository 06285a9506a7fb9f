import { type Markup, html, trusted } from './markup.ts'

/** No script, no font, no request beyond the page itself: it must read well on a phone and on a Pi's own browser. */
const STYLE = trusted(`
:root { color-scheme: light dark; --ink: #1c1b19; --paper: #fdfcf9; --faint: #6d6961; --line: #dcd7cc; --link: #7a2e1d;
  --good: #1f6b3a; --bad: #a3261b; --busy: #8a5a00 }
@media (prefers-color-scheme: dark) { :root { --ink: #e9e5dc; --paper: #191816; --faint: #a19b90; --line: #3a3732;
  --link: #f0a58f; --good: #7fce9a; --bad: #ff9a8c; --busy: #f0c674 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1.1rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 ui-serif, Charter, Georgia, serif }
h1 { font-size: 2rem; line-height: 1.15; margin: .4em 0 .2em; overflow-wrap: anywhere }
h2 { font-size: 1.2rem; margin: 2em 0 .5em }
a { color: var(--link); text-underline-offset: .15em }
code, pre, th, td, .tag { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .85rem }
pre { padding: .8rem 1rem; border: 1px solid var(--line); border-radius: .3rem; overflow-x: auto }
.faint, caption { color: var(--faint) }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100% }
caption { text-align: left; font-size: .85rem; padding-bottom: .4rem }
th, td { text-align: left; vertical-align: top; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line);
  white-space: nowrap }
th[scope=row] { position: sticky; left: 0; background: var(--paper) }
.tag { border: 1px solid var(--line); border-radius: .3rem; padding: 0 .35rem; margin-left: .4rem; font-weight: normal }
.built { color: var(--good) } .failed { color: var(--bad) } .building, .queued { color: var(--busy) }
.waiting, .upstream, .skipped, .excluded { color: var(--faint) }
li { margin: .5rem 0; overflow-wrap: anywhere }
`)

/** Of every HTML page for people. `markup.ts` escapes; this makes an oversight harmless. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-cache',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff'
}

export function pageShell(title: string, body: Markup): string {
  return html`<!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>
          ${STYLE}
        </style>
      </head>
      <body>
        ${body}
      </body>
    </html> `.toString()
}

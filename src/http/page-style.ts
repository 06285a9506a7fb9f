/** Fonts of the reader's system, two columns of colour, and no more than 75 characters a line. Contrast: WCAG AA in both schemes. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #201d19; --paper: #fcfbf7; --card: #f5f2ea; --faint: #655f55; --line: #ddd7c9;
  --link: #8a2f1b; --good: #1c6537; --bad: #a1251a; --busy: #7d5200; --mark: #fbe3a8; --accent: #b4472c }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e4da; --paper: #191815; --card: #23211d; --faint: #a59f93; --line: #3b3832;
  --link: #f2a78f; --good: #84d19d; --bad: #ff9d8f; --busy: #ecc274; --mark: #5a4310; --accent: #e08264 } }
* { box-sizing: border-box }
html { scroll-padding-top: 30vh; -webkit-text-size-adjust: 100% }
body { margin: 0 auto; max-width: 60rem; padding: 0 1.1rem 3rem; background: var(--paper); color: var(--ink);
  font: 1.06rem/1.6 Charter, 'Bitstream Charter', 'Iowan Old Style', Georgia, Cambria, serif; text-rendering: optimizeLegibility }
a { color: var(--link); text-decoration-thickness: .06em; text-underline-offset: .18em }
a:hover { text-decoration-thickness: .12em }
:focus-visible { outline: .15rem solid var(--accent); outline-offset: .12rem; border-radius: .15rem }
h1 { font-size: clamp(1.9rem, 6vw, 2.7rem); line-height: 1.12; letter-spacing: -.015em; font-weight: 600; margin: 1.6rem 0 .3rem;
  overflow-wrap: anywhere }
h2 { font-size: 1.3rem; line-height: 1.25; font-weight: 600; margin: 2.6rem 0 .6rem }
h3 { font-size: 1.06rem; margin: 1.6rem 0 .3rem }
p, li, dd { max-width: 42rem }
p { margin: .6rem 0 }
.lead { font-size: 1.2rem; line-height: 1.5; margin: .5rem 0 1rem }
.faint, caption, small, .hint { color: var(--faint) }
.small, small, caption { font-size: .86rem }
code, pre, kbd, .mono, .tag { font-family: ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace; font-size: .86em }
pre { font-size: .86rem; line-height: 1.5; margin: .4rem 0 1rem; padding: .75rem 1rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .4rem; overflow-x: auto }
pre code { font-size: 1em }
.copy { user-select: all } .whole { white-space: nowrap }
header.site { display: flex; flex-wrap: wrap; align-items: center; gap: .6rem 1.2rem; padding: 1rem 0 .7rem; border-bottom: 1px solid var(--line) }
header.site .brand { display: inline-flex; align-items: center; gap: .5rem; font-weight: 600; color: var(--ink); text-decoration: none }
header.site svg { width: 1.5rem; height: 1.5rem; color: var(--accent) }
header.site form { margin-left: auto; flex: 0 1 20rem; min-width: 12rem }
.skip { position: absolute; left: -99rem } .skip:focus { left: 1rem; top: .5rem; background: var(--paper); padding: .3rem .6rem }
footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size: .86rem; color: var(--faint) }
footer a { margin-right: 1rem; white-space: nowrap }
form.search.big { margin: 1rem 0 }
form.search { position: relative; display: flex; gap: .5rem }
input[type=search] { flex: 1; min-width: 0; font: inherit; color: inherit; background: var(--paper); padding: .45rem .8rem;
  border: 1px solid var(--faint); border-radius: .4rem; -webkit-appearance: none; appearance: none }
button { font: inherit; color: var(--paper); background: var(--link); padding: .45rem 1.1rem; border: 1px solid var(--link);
  border-radius: .4rem; cursor: pointer }
button:hover { filter: brightness(1.12) }
.big input, .big button { font-size: 1.15rem; padding: .6rem 1rem }
.suggest { position: absolute; z-index: 2; top: 100%; left: 0; right: 0; margin: .3rem 0 0; padding: .3rem; list-style: none; background: var(--paper);
  border: 1px solid var(--line); border-radius: .4rem; box-shadow: 0 .6rem 1.6rem #0003; max-height: 60vh; overflow-y: auto }
.suggest li { margin: 0; padding: .35rem .6rem; border-radius: .25rem; cursor: pointer; display: flex; gap: 1rem; justify-content: space-between;
  max-width: none; overflow-wrap: anywhere }
.suggest li[aria-selected=true] { background: var(--card); box-shadow: inset .2rem 0 var(--accent) }
.quiet { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
.facts { display: flex; flex-wrap: wrap; gap: .2rem 2.4rem; margin: 1rem 0; padding: 0; list-style: none }
.facts li { margin: 0 } .facts b { display: block; font-size: 1.7rem; line-height: 1.2; font-weight: 600; font-variant-numeric: tabular-nums }
.tools { display: grid; grid-template-columns: 4.2rem 1fr; gap: .1rem .8rem; align-items: baseline }
.tools dt { font-weight: 600 } .tools dd { margin: 0; min-width: 0; max-width: none } .tools pre { margin: .2rem 0 }
.rows { padding: 0; list-style: none } .rows li { padding: .5rem 0; border-bottom: 1px solid var(--line); max-width: none; overflow-wrap: anywhere }
.scroll { overflow-x: auto; margin: 0 -1.1rem; padding: 0 1.1rem }
table { border-collapse: collapse; min-width: 100%; font-size: .92rem }
caption { text-align: left; padding-bottom: .4rem }
th, td { text-align: left; vertical-align: top; padding: .5rem 1rem .5rem 0; border-bottom: 1px solid var(--line); white-space: nowrap;
  line-height: 1.35; font-variant-numeric: tabular-nums }
thead th { font-weight: 600; font-size: .86rem } tbody th { font-weight: 600; position: sticky; left: 0; background: var(--paper) }
td small, th small { display: block; font-weight: normal }
.tag { border: 1px solid var(--line); border-radius: .3rem; padding: 0 .35rem; margin-left: .4rem; font-weight: normal; color: var(--faint) }
.state::before { display: inline-block; width: 1.2em; content: '·' }
.built, .upstream { color: var(--good) } .failed { color: var(--bad) } .building, .queued { color: var(--busy) }
.waiting, .skipped, .excluded { color: var(--faint) }
.built::before, .upstream::before { content: '✓' } .failed::before { content: '✕' } .building::before, .queued::before { content: '…' }
.card { background: var(--card); border: 1px solid var(--line); border-left: .25rem solid var(--accent); border-radius: .4rem; padding: .8rem 1.1rem;
  margin: 1rem 0 } .card > :first-child { margin-top: 0 } .card > :last-child { margin-bottom: 0 }
.card h2, .card h3 { margin: 0 0 .3rem }
details { margin: .4rem 0 } summary { cursor: pointer }
.pager { display: flex; justify-content: space-between; gap: 1rem; margin: 1rem 0 }
.log { padding: .6rem 0; font-size: .8rem; line-height: 1.45; tab-size: 4 }
.log .l { display: block; padding-right: 1rem; min-width: max-content } .log .l a { display: inline-block; width: 4.6em; padding-right: 1em; text-align: right; color: var(--faint);
  text-decoration: none; user-select: none } .log .l:target, .log .hit { background: var(--mark) }
.log .hit a, .log .l:target a { color: inherit }
.log mark { color: inherit; background: none; font-weight: 700; text-decoration: underline wavy var(--bad) .08em; text-underline-offset: .25em }
.log .gap { padding: .3rem 1rem .3rem 5.6em; color: var(--faint); background: var(--paper); border-block: 1px dashed var(--line); display: block }
.log .why { display: block; white-space: normal; font: 1rem/1.5 Charter, 'Bitstream Charter', Georgia, serif; margin: .5rem 1rem .5rem 4.6rem;
  max-width: min(38rem, 80vw); background: var(--paper); position: sticky; left: 1rem }
.log .why:focus { outline: 0 }
@media (max-width: 34rem) { body { font-size: 1rem } header.site form { flex-basis: 100%; margin: 0 } .tools { grid-template-columns: 1fr } .tools dt { margin-top: .5rem }
  .tools pre { white-space: pre-wrap; overflow-wrap: anywhere } .big input, .big button { font-size: 1.05rem; padding: .55rem .8rem }
  .log .l a { width: 3.4em; padding-right: .6em } .log .why { margin-left: .6rem } .log .gap { padding-left: 1rem } th, td { padding-right: .8rem } }
@media print { header.site form, footer, form { display: none } }
`

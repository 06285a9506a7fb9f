import { escapeHtml, type Markup, NOTHING, html, prose, trusted } from './markup.ts'
import { pageShell } from './page-shell.ts'
import type { LogBuildView, LogView } from './log-view.ts'
import { countOf, durationText, isoSeconds, sizeText } from './words.ts'

/** Bytes of log on one page, so that it stays below 150 KB with what stands around the lines. */
const WINDOW_BYTES = 84 * 1024
/** What the mark-up of one line costs. */
const LINE_BYTES = 48
/** Lines of the beginning and of the end that are shown besides those around the fault. */
const HEAD_LINES = 20
const TAIL_LINES = 40
/** Lines that are shown below the fault. */
const BELOW_FAULT = 60

/** Lines `from` up to `to`, exclusive. */
interface LogPart {
  readonly from: number
  readonly to: number
}

/** A build log for people: which line says what went wrong, and what to do. Links are relative to `/log/<sha256>`. */
export function logPage(view: LogView, from: number | undefined): string {
  const { build, digest, lines } = view
  const title = build === undefined ? 'A build log' : `${build.project} ${build.version}`
  return pageShell({
    title: `${title}: build log – Commonwheel`,
    root: '../',
    body: html`<h1>
        ${build === undefined ? title : html`<a href="../project/${build.project}">${build.project}</a> ${build.version}`}
      </h1>
      ${build === undefined ? NOTHING : outcome(build)} ${verdict(view)}
      <p class="small faint">
        ${countOf(lines.length, 'line')} · <a href="../logs/${digest}">Plain text</a> ·
        <a href="${digest}/json">JSON</a>
      </p>
      ${logText(view, from)}
      ${view.isCut ? html`<p>The log has more lines than are shown here; the plain text has them all.</p>` : NOTHING}`
  })
}

function outcome({ target, label, builder, durationMs, finishedMs, failure, wheel }: LogBuildView): Markup {
  const how =
    failure === undefined
      ? html`<span class="state built">built</span>`
      : html`<span class="state failed">failed</span>`
  const file =
    wheel === undefined
      ? NOTHING
      : html`<br /><a class="mono" href="../files/${wheel.sha256}/${encodeURIComponent(wheel.filename)}"
            >${wheel.filename}</a
          >
          <small>${sizeText(wheel.size)}</small>`
  return html`<p>
    ${how} on <code>${target}</code> by ${label === '' ? builder : label} in ${durationText(durationMs)},
    <time datetime="${isoSeconds(finishedMs)}"
      >${isoSeconds(finishedMs).replace('T', ' ').replace('Z', ' UTC')}</time
    >${file}
  </p>`
}

/** In a few words on top; the whole explanation stands at the line itself, to which the page opens. */
function verdict({ build, text, fault }: LogView): Markup {
  if (build?.failure === undefined) return NOTHING
  const at = fault === undefined ? NOTHING : html` <a href="#L${fault.line + 1}">Line ${fault.line + 1}</a>`
  const title = text?.title ?? build.failure.cause
  return html`<div class="card">
    <h2>${title}</h2>
    <p>${sentence(build.failure.reason)}${at}</p>
    ${fault === undefined ? explained(text) : NOTHING}
  </div>`
}

/** Reasons are written to follow a colon. */
function sentence(reason: string): string {
  return `${reason.slice(0, 1).toUpperCase()}${reason.slice(1)}${/[.!?…]$/.test(reason) ? '' : '.'}`
}

function explained(text: LogView['text']): Markup {
  return text === undefined
    ? NOTHING
    : html`<p>${prose(text.explanation)}</p>
        <p><strong>What helps:</strong> ${prose(text.cure)}</p>`
}

function logText(view: LogView, from: number | undefined): Markup {
  const { lines, digest } = view
  const parts = from === undefined ? usualParts(view) : [partFrom(lines, Math.min(from, lines.length) - 1)]
  const pieces: string[] = []
  let at = 0
  for (const part of parts) {
    if (part.from > at) pieces.push(gap(digest, { from: at, to: part.from }))
    for (let line = part.from; line < part.to; line++) pieces.push(lineMarkup(view, line))
    at = part.to
  }
  if (at < lines.length) pieces.push(gap(digest, { from: at, to: lines.length }))
  // The lines are put together as text: two template values a line would double the time of a long log.
  return html`<pre class="log" tabindex="0" aria-label="Build log">${trusted(pieces.join(''))}</pre>`
}

/** The head, what is around the fault (the end, if there is none), and the end: as much as fits. */
function usualParts({ lines, fault }: LogView): readonly LogPart[] {
  const all = partFrom(lines, 0)
  if (all.to === lines.length) return [all]
  const head: LogPart = { from: 0, to: HEAD_LINES }
  const tail = partTo(lines, lines.length, WINDOW_BYTES / 6, TAIL_LINES)
  const middleBytes = WINDOW_BYTES - bytesOf(lines, head) - bytesOf(lines, tail)
  const end = fault === undefined ? tail.from : Math.min(lines.length, fault.line + BELOW_FAULT)
  return merged([head, partTo(lines, end, middleBytes, Infinity), tail])
}

/** As many lines from this one on as fit a page. */
function partFrom(lines: readonly string[], from: number): LogPart {
  let [to, bytes] = [from, 0]
  while (to < lines.length && bytes < WINDOW_BYTES) bytes += lineBytes(lines[to++])
  return { from, to }
}

/** As many lines before this one as fit the bytes, and no more than a number. */
function partTo(lines: readonly string[], to: number, maxBytes: number, maxLines: number): LogPart {
  let [from, bytes] = [to, 0]
  while (from > 0 && to - from < maxLines) {
    bytes += lineBytes(lines[from - 1])
    if (bytes > maxBytes && from < to) break
    from--
  }
  return { from, to }
}

function bytesOf(lines: readonly string[], { from, to }: LogPart): number {
  return lines.slice(from, to).reduce((sum, line) => sum + lineBytes(line), 0)
}

/** As UTF-8 with every character escaped that must be: at most what it takes. */
function lineBytes(line = ''): number {
  return Buffer.byteLength(escapeHtml(line)) + LINE_BYTES
}

/** In order, those that touch put together. */
function merged(parts: readonly LogPart[]): readonly LogPart[] {
  const found: LogPart[] = []
  for (const part of [...parts].sort((a, b) => a.from - b.from)) {
    const last = found.at(-1)
    if (last === undefined || part.from > last.to) found.push(part)
    else found[found.length - 1] = { from: last.from, to: Math.max(last.to, part.to) }
  }
  return found
}

function gap(digest: string, { from, to }: LogPart): string {
  const text = `${countOf(to - from, 'line')}: ${from + 1} to ${to}`
  return `<a class="gap" href="${digest}?from=${from + 1}">${text}</a>`
}

function lineMarkup({ lines, fault, build, text }: LogView, at: number): string {
  const line = lines[at] ?? ''
  const number = at + 1
  if (fault?.line !== at)
    return `<span class="l" id="L${number}"><a href="#L${number}">${number}</a>${escapeHtml(line)}\n</span>`
  const told = `${escapeHtml(line.slice(0, fault.start))}<mark>${escapeHtml(line.slice(fault.start, fault.end))}</mark>${escapeHtml(line.slice(fault.end))}`
  const apt =
    fault.apt === undefined
      ? NOTHING
      : html`<p>On Debian and Raspberry Pi OS: <code class="copy">sudo apt install ${fault.apt}</code></p>`
  // The browser goes to what has the autofocus, unless the address names another line.
  const why = html`<span class="why card" id="why" tabindex="-1" autofocus role="note"
    ><strong>${text?.title ?? build?.failure?.cause ?? 'It failed here'}</strong
    >${explained(text)}${apt}</span
  >`
  return `<span class="l hit" id="L${number}"><a href="#L${number}">${number}</a>${told}\n</span>${why.toString()}`
}

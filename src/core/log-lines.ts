/** A build log as lines to look at. */
export interface LogLines {
  readonly lines: readonly string[]
  /** Lines that were left out at the end, as there were too many. */
  readonly isCut: boolean
}

/** Lines of a log: 20 MiB of a compiler's output are some 250,000. */
const MAX_LOG_LINES = 400_000
/** Characters of one line that are looked at and shown: what goes beyond is data, not words. */
export const MAX_LOG_LINE_CHARS = 2_000

/** Colours and other orders to a terminal (ECMA-48 CSI). The parts exclude each other, so this takes linear time. */
// eslint-disable-next-line no-control-regex
const TERMINAL_ORDERS = /\u001b\[[0-9;?]*[ -/]*[@-~]/g

/** What a build wrote, line by line, without orders to a terminal and other control characters; long lines end in `…`. */
export function logLines(text: string): LogLines {
  const lines: string[] = []
  let start = 0
  while (start < text.length) {
    if (lines.length === MAX_LOG_LINES) return { lines, isCut: true }
    const newline = text.indexOf('\n', start)
    const end = newline === -1 ? text.length : newline
    lines.push(cleaned(text.slice(start, Math.min(end, start + 4 * MAX_LOG_LINE_CHARS))))
    start = end + 1
  }
  return { lines, isCut: false }
}

function cleaned(line: string): string {
  // Most lines are plain, and there may be hundreds of thousands.
  // eslint-disable-next-line no-control-regex
  const plain = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/.test(line)
    ? line
        .replace(TERMINAL_ORDERS, '')
        .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => (char === '\t' ? char : ''))
    : line
  return plain.length > MAX_LOG_LINE_CHARS ? `${plain.slice(0, MAX_LOG_LINE_CHARS)}…` : plain
}

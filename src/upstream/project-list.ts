import { Parser } from 'htmlparser2'
import { serialOf } from './serial.ts'

/** One project of a list; what it is not, is undefined. */
interface ListedProject {
  readonly name?: unknown
  readonly '_last-serial'?: unknown
}

/** Takes a list of projects in pieces and tells each one as soon as it is there. Neither holds more than one of them in memory. */
export interface ListParser {
  write(chunk: Uint8Array): void
  /** Throws a SyntaxError when the list broke off. */
  end(): void
}

type OnProject = (name: string, serial: number) => void

/** The longest entry of a list that is read; a name has 100 characters. */
const MAX_ENTRY_BYTES = 4 * 1024

/** The parser's work grows with the square of the nesting. */
const MAX_HTML_DEPTH = 20_000

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
/** The list is an array in an object: its entries open the third level. */
const ENTRY_DEPTH = 3

/**
 * PEP 691: `{"meta": …, "projects": [{"name": "demo", "_last-serial": 7}, …]}`, 43 MB of it from PyPI. The bytes are read once, by
 * their brackets; each object on the third level is an entry if it has a name.
 */
export class JsonListParser implements ListParser {
  readonly #onProject: OnProject
  readonly #entry = Buffer.alloc(MAX_ENTRY_BYTES)
  #length = 0
  #depth = 0
  #inText = false
  #escaped = false
  #complete = false

  constructor(onProject: OnProject) {
    this.#onProject = onProject
  }

  write(chunk: Uint8Array): void {
    for (const byte of chunk) {
      if (this.#depth >= ENTRY_DEPTH && this.#length < MAX_ENTRY_BYTES) this.#entry[this.#length++] = byte
      if (this.#inText) this.#text(byte)
      else this.#structure(byte)
    }
  }

  end(): void {
    if (!this.#complete) throw new SyntaxError('the list broke off')
  }

  #text(byte: number): void {
    if (this.#escaped) this.#escaped = false
    else if (byte === BACKSLASH) this.#escaped = true
    else if (byte === QUOTE) this.#inText = false
  }

  #structure(byte: number): void {
    if (byte === QUOTE) this.#inText = true
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#open(byte)
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#close()
  }

  #open(byte: number): void {
    this.#depth++
    if (this.#depth !== ENTRY_DEPTH) return
    this.#entry[0] = byte
    this.#length = 1
  }

  #close(): void {
    if (this.#depth === ENTRY_DEPTH) this.#tell()
    this.#depth--
    if (this.#depth === 0) this.#complete = true
    if (this.#depth < 0) throw new SyntaxError('brackets do not match')
  }

  #tell(): void {
    if (this.#entry[0] !== OPEN_BRACE || this.#length >= MAX_ENTRY_BYTES) return
    const entry = JSON.parse(this.#entry.toString('utf8', 0, this.#length)) as ListedProject
    if (typeof entry.name !== 'string') return
    this.#onProject(entry.name, serialOf(entry['_last-serial']) ?? 0)
  }
}

/** PEP 503: one link a project, whose text is its name. It names no serials. */
export class HtmlListParser implements ListParser {
  readonly #parser: Parser
  readonly #decoder = new TextDecoder()

  constructor(onProject: OnProject) {
    let text: string | undefined
    let depth = 0
    this.#parser = new Parser({
      onopentag(tag) {
        if (++depth > MAX_HTML_DEPTH) throw new SyntaxError('HTML nested too deep')
        if (tag === 'a') text = ''
      },
      ontext(piece) {
        if (text !== undefined && text.length < MAX_ENTRY_BYTES) text += piece
      },
      onclosetag(tag) {
        depth -= 1
        if (tag === 'a' && text !== undefined) onProject(text.trim(), 0)
        if (tag === 'a') text = undefined
      }
    })
  }

  write(chunk: Uint8Array): void {
    this.#parser.write(this.#decoder.decode(chunk, { stream: true }))
  }

  end(): void {
    this.#parser.end()
  }
}

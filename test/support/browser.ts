import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { within } from './spawn-node.ts'

/** Where Debian, Raspberry Pi OS and others put it; CHROMIUM names another. */
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--hide-scrollbars',
  '--remote-debugging-pipe'
]
/** A cold browser on a busy machine with two cores. */
const ANSWER_MS = 30_000

type Json = Readonly<Record<string, unknown>>
type Listener = (params: Json) => void

function findChromium(): string {
  const found = [process.env['CHROMIUM'] ?? '', ...PLACES].find((path) => path !== '' && existsSync(path))
  if (found === undefined) {
    throw new Error('there is no Chromium on this machine: apt install chromium, or name one in CHROMIUM')
  }
  return found
}

/**
 * Chromium itself, spoken to by the DevTools protocol over a pipe: messages of JSON that end with a zero byte. A few commands are all
 * that the tests need, so no package stands in between. `hosts`: names that lead to loopback.
 */
export class Browser {
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #waiting = new Map<
    number,
    { readonly resolve: (result: Json) => void; readonly reject: (error: Error) => void }
  >()
  readonly #listeners = new Set<{
    readonly session: string
    readonly method: string
    readonly run: Listener
  }>()
  #lastId = 0

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child
    this.#folder = folder
    let rest = ''
    const output = child.stdio[4] as Readable
    output.setEncoding('utf8').on('data', (text: string) => {
      const messages = (rest + text).split('\0')
      rest = messages.pop() ?? ''
      for (const message of messages) this.#receive(JSON.parse(message) as Json)
    })
    child.once('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('Chromium ended'))
    })
  }

  static async start(hosts: readonly string[] = []): Promise<Browser> {
    const path = findChromium()
    const folder = await mkdtemp(join(tmpdir(), 'commonwheel-browser-'))
    const rules =
      hosts.length === 0
        ? []
        : [`--host-resolver-rules=${hosts.map((host) => `MAP ${host} 127.0.0.1`).join(', ')}`]
    const child = spawn(path, [...FLAGS, ...rules, `--user-data-dir=${folder}`], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], HOME: folder }
    })
    const browser = new Browser(child, folder)
    await browser.send('Browser.getVersion')
    return browser
  }

  async page(): Promise<BrowserPage> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true })
    const page = new BrowserPage(this, String(sessionId))
    await page.open()
    return page
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await ended
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }

  send(method: string, params: Json = {}, sessionId?: string): Promise<Json> {
    const id = ++this.#lastId
    const input = this.#child.stdio[3] as Writable
    const answer = new Promise<Json>((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
    input.write(
      `${JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) })}\0`
    )
    return within(ANSWER_MS, `${method} of Chromium`, answer)
  }

  on(session: string, method: string, run: Listener): void {
    this.#listeners.add({ session, method, run })
  }

  #receive({ id, method, params, sessionId, result, error }: Json): void {
    if (typeof id === 'number') {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) waiting?.resolve((result ?? {}) as Json)
      else waiting?.reject(new Error(JSON.stringify(error)))
      return
    }
    for (const one of this.#listeners)
      if (one.method === method && one.session === sessionId) one.run((params ?? {}) as Json)
  }
}

export interface View {
  readonly width: number
  readonly height: number
  readonly dark: boolean
  readonly scripts?: boolean
}

/** One tab. */
export class BrowserPage {
  /** What the page or the browser complained of: errors of scripts, refusals of the policy. */
  readonly complaints: string[] = []
  readonly #browser: Browser
  readonly #session: string
  #loads = 0

  constructor(browser: Browser, session: string) {
    this.#browser = browser
    this.#session = session
  }

  async open(): Promise<void> {
    this.#on('Page.loadEventFired', () => this.#loads++)
    this.#on('Runtime.exceptionThrown', (params) => this.complaints.push(JSON.stringify(params)))
    this.#on('Log.entryAdded', ({ entry }) => this.complaints.push(JSON.stringify(entry)))
    for (const domain of ['Page', 'Runtime', 'Log']) await this.#send(`${domain}.enable`)
  }

  async show({ width, height, dark, scripts = true }: View): Promise<void> {
    const mobile = width < 600
    await this.#send('Emulation.setDeviceMetricsOverride', {
      width,
      height,
      deviceScaleFactor: mobile ? 2 : 1,
      mobile
    })
    const features = [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }]
    await this.#send('Emulation.setEmulatedMedia', { features })
    await this.#send('Emulation.setScriptExecutionDisabled', { value: !scripts })
  }

  async visit(url: string): Promise<void> {
    await this.loading(async () => {
      const { errorText } = await this.#send('Page.navigate', { url })
      if (errorText !== undefined) throw new Error(`${url}: ${JSON.stringify(errorText)}`)
    })
  }

  /** Does something that leads to another page, and waits until that is there. */
  async loading(act: () => Promise<void>): Promise<void> {
    const before = this.#loads
    await act()
    await this.until('the next page', async () => this.#loads > before)
  }

  /** Bytes of the page and of all that it loaded, before any compression. */
  weight(): Promise<number> {
    return this.eval(
      "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].reduce((sum, entry) => sum + entry.decodedBodySize, 0)"
    )
  }

  /** How many pixels the page is wider than the window. */
  overflow(): Promise<number> {
    return this.eval('document.documentElement.scrollWidth - innerWidth')
  }

  /** The value of an expression in the page. */
  async eval<T>(expression: string): Promise<T> {
    const answer = await this.#send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true
    })
    const { exceptionDetails, result } = answer as { exceptionDetails?: unknown; result: { value: T } }
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails))
    return result.value
  }

  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    for (let waited = 0; !(await holds()); waited += 50) {
      if (waited > ANSWER_MS) throw new Error(`waited ${ANSWER_MS / 1000} s for ${what}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  /** Letter by letter, as a person does. */
  async type(text: string): Promise<void> {
    for (const char of text) {
      await this.#send('Input.dispatchKeyEvent', { type: 'keyDown', text: char, key: char })
      await this.#send('Input.dispatchKeyEvent', { type: 'keyUp', key: char })
    }
  }

  async press(key: 'ArrowDown' | 'ArrowUp' | 'Enter' | 'Escape' | 'Tab'): Promise<void> {
    const code = { ArrowDown: 40, ArrowUp: 38, Enter: 13, Escape: 27, Tab: 9 }[key]
    const event = { key, code: key, windowsVirtualKeyCode: code, ...(key === 'Enter' ? { text: '\r' } : {}) }
    await this.#send('Input.dispatchKeyEvent', { type: 'keyDown', ...event })
    await this.#send('Input.dispatchKeyEvent', { type: 'keyUp', ...event })
  }

  /** With the mouse, in the middle of the first element that the selector names. */
  async click(selector: string): Promise<void> {
    const { x, y } = await this.eval<{ x: number; y: number }>(
      `(() => { const e = document.querySelector(${JSON.stringify(selector)}); e.scrollIntoView({ block: 'center' }); const r = e.getBoundingClientRect(); return { x: r.x + r.width / 2, y: r.y + r.height / 2 } })()`
    )
    for (const type of ['mousePressed', 'mouseReleased'])
      await this.#send('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount: 1 })
  }

  /** A picture as PNG: of what is in sight, or of the whole page up to some height. */
  async picture(maxHeight?: number): Promise<Buffer> {
    const clip = maxHeight === undefined ? {} : await this.#clip(maxHeight)
    const { data } = await this.#send('Page.captureScreenshot', { format: 'png', ...clip })
    return Buffer.from(String(data), 'base64')
  }

  async #clip(maxHeight: number): Promise<Json> {
    const { cssContentSize } = (await this.#send('Page.getLayoutMetrics')) as unknown as {
      cssContentSize: { width: number; height: number }
    }
    const { width, height } = cssContentSize
    return {
      captureBeyondViewport: true,
      clip: { x: 0, y: 0, width, height: Math.min(height, maxHeight), scale: 1 }
    }
  }

  #on(method: string, run: Listener): void {
    this.#browser.on(this.#session, method, run)
  }

  #send(method: string, params: Json = {}): Promise<Json> {
    return this.#browser.send(method, params, this.#session)
  }
}

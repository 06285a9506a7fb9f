import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createHttpServer } from '../src/http/server.ts'
import { testApp } from '../test/http/http-fixtures.ts'
import { Browser, type BrowserPage } from '../test/support/browser.ts'
import { LOG, SCENE } from './screenshots/scene.ts'

/*
 * Pictures of the pages for people, at the widths of a desk and of a phone, light and dark:
 *   npx tsx scripts/screenshots.ts FOLDER            of a mesh that is made up
 *   npx tsx scripts/screenshots.ts FOLDER --node URL [--path PATH]...   of a node that runs
 */

interface Shot {
  readonly name: string
  readonly path: string
  /** What is done before the picture is taken. */
  readonly act?: (page: BrowserPage) => Promise<void>
  /** What is in sight, in place of the page from its top. */
  readonly inSight?: true
}

const SHOTS: readonly Shot[] = [
  { name: 'home', path: '/' },
  { name: 'suggestions', path: '/', act: suggest, inSight: true },
  { name: 'search', path: '/search?q=num' },
  { name: 'project', path: '/project/cffi' },
  { name: 'log', path: `/log/${LOG}`, inSight: true },
  { name: 'log-top', path: `/log/${LOG}` }
]
const WIDTHS = [
  { name: 'desk', width: 1280, height: 860 },
  { name: 'phone', width: 375, height: 740 }
] as const
/** Of a long page the upper part tells enough. */
const MAX_HEIGHT = 2_600

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { node: { type: 'string' }, path: { type: 'string', multiple: true } }
})
const [folder] = positionals
if (folder === undefined) {
  console.error('usage: npx tsx scripts/screenshots.ts FOLDER [--node URL [--path PATH]...]')
  process.exit(2)
}
await mkdir(folder, { recursive: true })
const server = createHttpServer(testApp(SCENE).app, { host: '127.0.0.1', port: 0 })
await server.start()
const browser = await Browser.start()
try {
  const origin = values.node ?? `http://127.0.0.1:${server.address().port}`
  const shots: readonly Shot[] =
    values.path?.map((path) => ({ name: path.replaceAll(/\W+/g, '-'), path })) ?? SHOTS
  const page = await browser.page()
  for (const shot of shots)
    for (const width of WIDTHS)
      for (const dark of [false, true]) {
        await page.show({ ...width, dark })
        await page.visit(new URL(shot.path, origin).href)
        await shot.act?.(page)
        const name = `${shot.name}-${width.name}-${dark ? 'dark' : 'light'}.png`
        await writeFile(
          join(folder, name),
          await page.picture(shot.inSight === true ? undefined : MAX_HEIGHT)
        )
        const [overflow, weight] = [await page.overflow(), await page.weight()]
        console.log(
          `${name}  ${Math.round(weight / 1024)} KiB${overflow > 0 ? `, ${overflow} px too wide` : ''}`
        )
      }
  for (const complaint of page.complaints) console.log(`the browser complains: ${complaint}`)
  process.exitCode = page.complaints.length === 0 ? 0 : 1
} finally {
  await browser.close()
  await server.stop()
}

async function suggest(page: BrowserPage): Promise<void> {
  await page.eval("document.querySelector('main input').focus()")
  await page.type('num')
  await page.until('suggestions', () =>
    page.eval("document.querySelectorAll('.suggest:not([hidden]) li').length > 0")
  )
  await page.press('ArrowDown')
}

import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobView, WantView } from '../../src/http/api-types.ts'
import { fixtureSdist } from '../fixtures/sdists.ts'
import { Browser, type BrowserPage } from '../support/browser.ts'
import type { NodeProcess } from '../support/spawn-node.ts'
import { SOON, useE2e } from './e2e-kit.ts'

/** A name that is no loopback: what a browser tells of itself is less where the address is not trustworthy. */
const HOST = 'pi-kitchen.local'
const fakeNode = fileURLToPath(new URL('../support/fake-node.child.ts', import.meta.url))
const PHONE = { width: 375, height: 740, dark: false }
const DESK = { width: 1280, height: 860, dark: false }

const kit = useE2e({ program: ['--import', 'tsx', fakeNode] })
let node: NodeProcess
let browser: Browser
let page: BrowserPage

/** The address as a neighbour in the network has it. */
function url(path: string): string {
  return node.url(path).replace('127.0.0.1', HOST)
}

function textOf(selector: string): Promise<string> {
  return page.eval(
    `[...document.querySelectorAll(${JSON.stringify(selector)})].map((e) => e.innerText).join('\\n')`
  )
}

beforeAll(async () => {
  for (const name of ['alpha-lamp', 'alpha-lamp-extra', 'lampshade', 'beta-lamp']) {
    kit.upstream.publish(name, await fixtureSdist('pure', { name }))
  }
  node = kit.yard.node('kitchen')
  const [started] = await Promise.all([Browser.start([HOST]), node.start()])
  browser = started
  page = await browser.page()
  // Seen once, they are known.
  for (const name of ['alpha-lamp', 'alpha-lamp-extra', 'lampshade', 'beta-lamp'])
    await fetch(node.url(`/simple/${name}/`))
})

afterAll(async () => {
  await browser.close()
})

describe('search', () => {
  test('suggests while somebody types, and the keyboard chooses', async () => {
    await page.show(DESK)
    await page.visit(url('/'))
    await page.eval("document.querySelector('main input').focus()")
    await page.type('lamp')
    const names = "[...document.querySelectorAll('.suggest:not([hidden]) li span')].map((e) => e.innerText)"
    await expect
      .poll(() => page.eval(names), SOON)
      .toEqual(['lampshade', 'beta-lamp', 'alpha-lamp', 'alpha-lamp-extra'])
    const field = 'document.querySelector("main input")'
    expect(await page.eval(`${field}.getAttribute("aria-expanded")`)).toBe('true')
    expect(await page.eval(`document.querySelector("[role=status]").textContent`)).toContain('4 projects')
    await page.press('ArrowDown')
    await page.press('ArrowDown')
    const active = `document.getElementById(${field}.getAttribute("aria-activedescendant"))`
    expect(await page.eval(`${active}.getAttribute("aria-selected") + ${active}.innerText`)).toMatch(
      /^truebeta-lamp/
    )
    await page.press('Escape')
    expect(await page.eval(`${field}.getAttribute("aria-expanded")`)).toBe('false')
    await page.press('ArrowDown')
    await page.loading(() => page.press('Enter'))
    expect(await textOf('h1')).toBe('lampshade')
  })

  test('a click on a suggestion opens it as well', async () => {
    await page.visit(url('/'))
    await page.eval("document.querySelector('main input').focus()")
    await page.type('alpha')
    await page.until('a suggestion', () =>
      page.eval("document.querySelector('.suggest:not([hidden]) li') !== null")
    )
    await page.loading(() => page.click('.suggest li'))
    expect(await textOf('h1')).toBe('alpha-lamp')
  })

  test('is a plain form where no script runs', async () => {
    await page.show({ ...PHONE, scripts: false })
    await page.visit(url('/'))
    await page.click('main input')
    await page.type('lampsh')
    await page.loading(() => page.press('Enter'))
    expect(await page.eval('location.pathname + location.search')).toBe('/search?q=lampsh')
    expect(await textOf('.rows a')).toBe('lampshade')
    await page.show(DESK)
  })
})

describe('asking for a build', () => {
  test.for([
    { id: 'in a browser at a name of the local network', project: 'beta-lamp', view: DESK, address: url },
    {
      id: 'on a phone without scripts, at loopback',
      project: 'lampshade',
      view: { ...PHONE, scripts: false },
      address: (path: string) => node.url(path)
    }
  ])('the button puts it into the queue, $id', async ({ project, view, address }) => {
    await page.show(view)
    await page.visit(address(`/project/${project}`))
    expect(await textOf('main')).toContain('nobody has asked for it so far')
    await page.loading(() => page.click('form.card button'))
    expect(await textOf('h1')).toBe('The mesh was asked')
    const wants = await node.api<readonly WantView[]>('/api/v1/wants')
    expect(wants.filter(({ specs }) => specs.some((spec) => spec.startsWith(project)))).toHaveLength(1)
    await expect
      .poll(async () => {
        const jobs = await node.api<readonly JobView[]>(`/api/v1/jobs?project=${project}`)
        return jobs.map(({ state }) => state).filter((state) => state === 'built' || state === 'failed')
          .length
      }, SOON)
      .toBe(1)
    await page.visit(address(`/project/${project}`))
    expect(await page.eval("document.querySelector('form.card')")).toBeNull()
  })

  test('a form on another site cannot press it', async () => {
    await page.show(DESK)
    await page.visit(
      `data:text/html,<form method=post action="${url('/project/alpha-lamp/ask')}"><button>x</button></form>`
    )
    await page.loading(() => page.click('button'))
    expect(await textOf('body')).toContain('another site')
    expect(JSON.stringify(await node.api('/api/v1/wants'))).not.toContain('alpha-lamp')
  })
})

test('feeds tell of what became of it', async () => {
  const wheels = await (await fetch(node.url('/feeds/wheels.atom'))).text()
  const failures = await (await fetch(node.url('/feeds/failures.atom'))).text()
  expect(wheels).toMatch(/<title>lampshade 1\.0 built for [^<]+<\/title>/)
  expect(failures).toMatch(/<title>beta-lamp 1\.0 failed for [^<]+<\/title>/)
  const own = await (await fetch(node.url('/project/lampshade/wheels.atom'))).text()
  expect(own.match(/<entry>/g)).toHaveLength(1)
})

test('the page of a log opens in the browser, no page is too wide for a phone, and the policy stops nothing of ours', async () => {
  const builds = await node.api<readonly { readonly log: string }[]>('/api/v1/builds')
  await page.show(PHONE)
  for (const path of ['/', '/search?q=lamp', '/project/lampshade', `/log/${builds[0]!.log}`]) {
    await page.visit(url(path))
    expect(await page.overflow(), path).toBeLessThanOrEqual(0)
    const weight = await page.weight()
    expect([weight > 3_000, weight < 150 * 1024], path).toEqual([true, true])
  }
  // The refused form of another site is a 403 of JSON, which has no icon: a browser writes both down.
  expect(page.complaints.filter((text) => !/403|favicon/.test(text))).toEqual([])
})

import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { StatusView, WantView } from '../../src/http/api-types.ts'
import { fixtureSdist } from '../fixtures/sdists.ts'
import { freeListen } from '../support/free-listen.ts'
import { indexBodies, statusOf } from '../support/mesh-views.ts'
import { postWant } from '../support/post-want.ts'
import type { NodeProcess } from '../support/spawn-node.ts'
import { connected, PATIENT, useE2e } from './e2e-kit.ts'

/*
 * A node whose SD card is replaced by an old image of it. Nodes that build nothing do: every want is an entry of the feed of the node
 * that was asked.
 */

const kit = useE2e()
const FORK = 'signed two histories'
const NEW_FEED = 'begins a new feed'

let [ada, bob, cleo] = [] as unknown as readonly [NodeProcess, NodeProcess, NodeProcess]
let nodes: readonly NodeProcess[] = []
const asked: string[] = []
const projects = new Set<string>()

const image = (): string => join(kit.yard.folder, 'image-of-ada')

async function ask(node: NodeProcess, project: string): Promise<void> {
  kit.upstream.publish(project, await fixtureSdist('pure', { name: project }))
  projects.add(project)
  asked.push(await postWant(node, project))
}

/** The card is written anew: what was on it is gone. */
async function restore(): Promise<void> {
  await rm(ada.dataDir, { recursive: true })
  await cp(image(), ada.dataDir, { recursive: true })
}

async function ledgerOf(node: NodeProcess): Promise<StatusView['ledger']> {
  return (await statusOf(node)).ledger
}

async function wantsOf(node: NodeProcess): Promise<readonly string[]> {
  return (await node.api<readonly WantView[]>('/api/v1/wants')).map(({ id }) => id).sort()
}

/** All have every want, as many feeds and entries as each other, the same index, and nobody is convicted of anything. */
async function agree(feeds: number): Promise<void> {
  for (const node of nodes) await expect.poll(() => wantsOf(node), PATIENT).toEqual([...asked].sort())
  await expect
    .poll(async () => {
      const ledgers = await Promise.all(nodes.map(ledgerOf))
      return new Set(ledgers.map((ledger) => JSON.stringify(ledger))).size
    }, PATIENT)
    .toBe(1)
  expect((await ledgerOf(ada)).feeds).toBe(feeds)
  await expect
    .poll(async () => {
      const indexes = await Promise.all(nodes.map((node) => indexBodies(node, [...projects])))
      return new Set(indexes.map((bodies) => JSON.stringify(bodies))).size
    }, PATIENT)
    .toBe(1)
  for (const node of nodes) expect(node.log).not.toContain(FORK)
}

test('a mesh of three, and an image of a card that is soon too old', async () => {
  const settings = { roles: ['index'] }
  const listens = [await freeListen(), await freeListen(), await freeListen()]
  nodes = ['ada', 'bob', 'cleo'].map((name, at) =>
    kit.yard.node(name, { settings, listen: listens[at] ?? '' })
  )
  ;[ada, bob, cleo] = nodes as [NodeProcess, NodeProcess, NodeProcess]
  const { ticket } = await ada.start()
  await bob.start(ticket)
  await cleo.start(ticket)
  await connected(nodes)
  await ask(ada, 'first')
  await agree(3)
  await ada.stop()
  await cp(ada.dataDir, image(), { recursive: true })
  await ada.start()
  await connected(nodes)
  await ask(ada, 'second')
  await ask(ada, 'third')
  await agree(3)
})

describe('a node restored from an old image', () => {
  test('whose peers are there fetches its own entries back and writes behind them', async () => {
    await ada.kill()
    await restore()
    await ada.start()
    await ask(ada, 'fourth')
    await agree(3)
    expect(ada.log).not.toContain(NEW_FEED)
  })

  test('alone is not read-only: it goes on in a new feed, and finds its old one again with its peers', async () => {
    await Promise.all(nodes.map((node) => node.kill()))
    await restore()
    await ada.start()
    expect((await ledgerOf(ada)).waits).toBe(true)
    const { stdout } = await ada.command('status')
    expect(stdout).toContain('asks the others how far its own records went')
    await ask(ada, 'fifth')
    expect(ada.log).toContain(NEW_FEED)
    await Promise.all([bob.start(), cleo.start()])
    await connected(nodes)
    await agree(4)
  })

  test('and once more from the same image, alone again: still no feed is written twice', async () => {
    await Promise.all(nodes.map((node) => node.kill()))
    await restore()
    await ada.start()
    await ask(ada, 'fifth')
    await Promise.all([bob.start(), cleo.start()])
    await connected(nodes)
    await agree(5)
  })
})

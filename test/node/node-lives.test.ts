import { expect, test } from 'vitest'
import { type Life, type NodeEnd, NodeLives } from '../../src/node/node-lives.ts'
import { brokenFeed } from '../../src/storage/storage-error.ts'
import { aFeed } from '../support/make-entry.ts'
import { FakeClock, silentLog } from '../support/test-ports.ts'

const damage = brokenFeed(aFeed('a'), 5, 4)

class FakeLife implements Life {
  readonly over = new Promise<NodeEnd>(() => undefined)
  readonly story: string[]
  readonly failure: Error | undefined
  #onDamage: ((error: Error) => void) | undefined

  constructor(story: string[], failure?: Error) {
    this.story = story
    this.failure = failure
  }

  async start(): Promise<void> {
    if (this.failure !== undefined) throw this.failure
    this.story.push('start')
  }

  async stop(): Promise<void> {
    this.story.push('stop')
  }

  onDamage(listener: (error: Error) => void): void {
    this.#onDamage = listener
  }

  break(): void {
    this.#onDamage?.(damage)
  }
}

function someLives(failures: readonly (Error | undefined)[] = []): {
  lives: NodeLives<FakeLife>
  story: string[]
  begun: FakeLife[]
  clock: FakeClock
} {
  const story: string[] = []
  const begun: FakeLife[] = []
  const clock = new FakeClock()
  const begin = async (): Promise<FakeLife> => {
    const life = new FakeLife(story, failures[begun.length])
    begun.push(life)
    return life
  }
  return { lives: new NodeLives({ clock, log: silentLog, begin }), story, begun, clock }
}

test('a node whose database breaks is stopped and started again', async () => {
  const { lives, story, begun, clock } = someLives()
  await lives.start()
  begun[0]?.break()
  await clock.advance(1)
  await lives.stop()
  expect(story).toEqual(['start', 'stop', 'start', 'stop'])
})

test('not for ever: a card that breaks again and again is left to its owner, for an hour', async () => {
  const { lives, begun, clock } = someLives()
  await lives.start()
  for (let time = 0; time < 6; time++) {
    begun.at(-1)?.break()
    await clock.advance(1_000)
  }
  expect(begun).toHaveLength(4)
  await clock.advance(3600_000)
  begun.at(-1)?.break()
  await clock.advance(1_000)
  expect(begun).toHaveLength(5)
})

test('a start that comes upon damage is tried once more, as opening repairs it', async () => {
  const { lives, begun } = someLives([damage])
  await lives.start()
  expect(begun).toHaveLength(2)
})

test('a start that fails for another reason fails', async () => {
  const { lives, begun } = someLives([new Error('the port is taken')])
  await expect(lives.start()).rejects.toThrow('the port is taken')
  expect(begun).toHaveLength(1)
})

test('a repair that fails ends the node, and says why', async () => {
  const { lives, begun } = someLives([undefined, new Error('no space left')])
  await lives.start()
  begun[0]?.break()
  await expect(lives.ended).rejects.toThrow('no space left')
})

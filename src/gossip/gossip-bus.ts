import { TopicValidatorResult, type Message } from '@chainsafe/libp2p-gossipsub'
import { messageOf } from '../core/errors.ts'
import type { NodeId } from '../core/ids.ts'
import { MAX_COORD_BYTES, MAX_ENTRY_BYTES } from '../core/limits.ts'
import type { GossipBus, Log, Topic, Verdict } from '../core/ports.ts'
import type { MeshHost } from './create-libp2p.ts'
import { GossipError } from './gossip-error.ts'
import { topicId } from './topics.ts'

const MAX_BYTES: Readonly<Record<Topic, number>> = { entries: MAX_ENTRY_BYTES, coordination: MAX_COORD_BYTES }

const RESULT: Readonly<Record<Verdict, TopicValidatorResult>> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject
}

type Judge = Parameters<GossipBus['subscribe']>[1]

/** A GossipBus that must be started with its host, since gossipsub takes no subscription before. */
export interface StartableBus extends GossipBus {
  start(): void
}

/** Gossip over gossipsub. Spec: docs/protocol/gossip.md */
export function createGossipBus({ host, log }: { readonly host: MeshHost; readonly log: Log }): StartableBus {
  const { pubsub, meshId } = host
  const subscribed = new Set<Topic>()
  let isStarted = false

  async function verdictOf(topic: Topic, judge: Judge, { data }: Message, from: NodeId): Promise<Verdict> {
    if (!host.isMember(from)) return 'ignore'
    if (data.byteLength > MAX_BYTES[topic]) return 'reject'
    try {
      return await judge(data, from)
    } catch (error) {
      log.error('the judge of a gossip message failed', { topic, why: messageOf(error) })
      return 'ignore'
    }
  }

  return {
    async publish(topic, bytes) {
      const maxBytes = MAX_BYTES[topic]
      if (bytes.byteLength > maxBytes) {
        throw new GossipError({ code: 'FRAME_TOO_LARGE', bytes: bytes.byteLength, maxBytes })
      }
      const { recipients } = await pubsub.publish(topicId(meshId, topic), bytes)
      return recipients.length
    },
    subscribe(topic, judge) {
      pubsub.topicValidators.set(topicId(meshId, topic), async (peer, message) => {
        return RESULT[await verdictOf(topic, judge, message, peer.toString() as NodeId)]
      })
      subscribed.add(topic)
      if (isStarted) pubsub.subscribe(topicId(meshId, topic))
    },
    start() {
      isStarted = true
      for (const topic of subscribed) pubsub.subscribe(topicId(meshId, topic))
    }
  }
}

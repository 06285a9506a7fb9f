import type { GossipsubOpts } from '@chainsafe/libp2p-gossipsub'
import { sha256Bytes } from '../core/digest.ts'
import type { MeshId, NodeId } from '../core/ids.ts'
import { MAX_GOSSIP_OUTBOUND_BYTES, MAX_GOSSIP_RPC_BYTES } from './gossip-limits.ts'
import { TOPICS, topicId } from './topics.ts'

/** Score of a peer that is no member: far below {@link THRESHOLDS}.graylistThreshold, whatever else it did well. */
const STRANGER_SCORE = -10_000
const THRESHOLDS = { gossipThreshold: -40, publishThreshold: -80, graylistThreshold: -160 }

/** Score of one topic: only invalid messages count against a peer; how fast and how much it delivers is not held against a Pi. */
const TOPIC_SCORE = {
  topicWeight: 1,
  timeInMeshWeight: 0.01,
  timeInMeshQuantum: 1000,
  timeInMeshCap: 100,
  firstMessageDeliveriesWeight: 0.5,
  firstMessageDeliveriesDecay: 0.9,
  firstMessageDeliveriesCap: 100,
  meshMessageDeliveriesWeight: 0,
  meshMessageDeliveriesDecay: 0.5,
  meshMessageDeliveriesCap: 100,
  meshMessageDeliveriesThreshold: 20,
  meshMessageDeliveriesWindow: 10,
  meshMessageDeliveriesActivation: 5000,
  meshFailurePenaltyWeight: 0,
  meshFailurePenaltyDecay: 0.5,
  // the square of the counter counts: about the second bad message ends gossip with a peer, the third or fourth graylists it
  invalidMessageDeliveriesWeight: -20,
  invalidMessageDeliveriesDecay: 0.97
}

/** Gossipsub as measured and tuned for small machines. docs/protocol/gossip.md gives the reasons. */
export function gossipsubOptions(
  meshId: MeshId,
  isMember: (node: NodeId) => boolean
): Partial<GossipsubOpts> {
  const topics = TOPICS.map((topic) => topicId(meshId, topic))
  return {
    // entries and beats carry their author's own signature, checked once, by the judge of the topic
    globalSignaturePolicy: 'StrictNoSign',
    msgIdFn: (message) => sha256Bytes(message.data).subarray(0, 20),
    // lets gossipsub recognise a duplicate before it validates
    fastMsgIdFn: (message) => latin1(sha256Bytes(message.data ?? '')),
    allowedTopics: topics,
    floodPublish: false,
    D: 6,
    Dlo: 4,
    Dhi: 12,
    Dscore: 4,
    Dout: 2,
    heartbeatInterval: 1000,
    seenTTL: 120_000,
    // a lonely node publishes too: its entries are on disk, and sync hands them out
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    maxInboundDataLength: MAX_GOSSIP_RPC_BYTES,
    maxOutboundBufferSize: MAX_GOSSIP_OUTBOUND_BYTES,
    maxTopicBytesPerPeer: 64 * 1024,
    decodeRpcLimits: {
      maxSubscriptions: 16,
      maxMessages: 500,
      maxIhaveMessageIDs: 5_000,
      maxIwantMessageIDs: 5_000,
      maxIdontwantMessageIDs: 512,
      maxControlMessages: 64,
      maxPeerInfos: 16
    },
    doPX: false,
    runOnLimitedConnection: false,
    scoreThresholds: THRESHOLDS,
    scoreParams: {
      // by default more than 10 peers behind one address lose all standing: 71 % of messages arrived at 32 nodes on one host
      IPColocationFactorWeight: 0,
      appSpecificWeight: 1,
      appSpecificScore: (peer) => (isMember(peer as NodeId) ? 0 : STRANGER_SCORE),
      topics: Object.fromEntries(topics.map((topic) => [topic, TOPIC_SCORE]))
    }
  }
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}

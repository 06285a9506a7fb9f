/**
 * Bounds that only src/gossip needs, with unit and why. docs/protocol/ lists the same numbers.
 */
const KiB = 1024
const MiB = 1024 * KiB
const second = 1000
const minute = 60 * second

// --- Streams -------------------------------------------------------------------------------------
/** One question or answer of a request protocol: a slow Pi behind a bad link answers within this. */
export const FRAME_TIMEOUT_MS = 10 * second
/** Dialling a peer and agreeing on a protocol. */
export const OPEN_STREAM_TIMEOUT_MS = 10 * second
/**
 * A stream's receive window: what a paused reader may have to hold. Below libp2p's read buffer (4 MiB), beyond which it
 * resets the stream; 2 MiB still carry 10 MB/s over a round trip of 200 ms.
 */
export const STREAM_WINDOW_BYTES = 2 * MiB
/** Free again before the sender of a bulk stream is told so. */
export const WINDOW_UPDATE_BYTES = STREAM_WINDOW_BYTES / 4
/** What one connection may hold to be sent before its streams wait. */
export const SOCKET_BUFFER_BYTES = 256 * KiB

// --- Connections ---------------------------------------------------------------------------------
/** Connections a node holds at most; a connection costs 1 to 2 MB and some 100 ms of a Pi 4 to open. */
export const MAX_CONNECTIONS = 64
/** Below this many connected members the keeper dials; that others connect to us is welcome up to {@link MAX_CONNECTIONS}. */
export const MIN_PEERS = 8
/** The keeper looks after its connections this often, jittered by half. */
export const KEEPER_TICK_MS = 5 * second
/** First wait after a failed dial, doubled each time up to {@link REDIAL_MAX_MS}, jittered by half. */
export const REDIAL_BASE_MS = 1 * second
export const REDIAL_MAX_MS = 5 * minute
/** A peer that refused us is not asked again before this: its mind changes when a record reaches it. */
export const REFUSED_WAIT_MS = 1 * minute
/** Peers whose addresses we keep, and addresses of each. */
export const MAX_KNOWN_PEERS = 4_000
export const MAX_ADDRESSES_PER_PEER = 16
/** An address that nobody confirmed for this long is forgotten. */
export const PEER_STORE_AGE_MS = 7 * 24 * 60 * minute
/** Dials of one tick: each costs a key exchange. */
export const DIALS_PER_TICK = 4
/** A member's connection without an outbound gossip stream for this many ticks is cut and dialled anew. */
export const LOST_PUBSUB_TICKS = 3

// --- The door ------------------------------------------------------------------------------------
/** A connected peer that has not proved membership by then is disconnected. */
export const HELLO_TIMEOUT_MS = 10 * second
/** One message at the door: a genesis and a chain of proofs are a few KiB. */
export const MAX_DOOR_FRAME_BYTES = 32 * KiB
/** The largest genesis we take: 100 roots are 6 KiB. */
export const MAX_GENESIS_BYTES = 16 * KiB
/** Links of one membership chain, from a root to the newcomer. */
export const MAX_CHAIN_LINKS = 16
/** Questions that one stranger may ask at once, and how fast it earns new ones. */
export const STRANGER_BURST = 6
export const STRANGER_PER_SECOND = 0.2
/** The same for all strangers together, since a peer id costs nothing to make. */
export const ALL_STRANGERS_BURST = 60
export const ALL_STRANGERS_PER_SECOND = 5
/** Strangers whose allowance is remembered. */
export const MAX_REMEMBERED_STRANGERS = 1_000
/** Label and contact of a node that asks to be let in. */
export const MAX_LABEL_CHARS = 100
/** Version of the software as told in a hello, and reasons of a refusal. */
export const MAX_REASON_CHARS = 200

// --- Gossip --------------------------------------------------------------------------------------
/** One gossip RPC as it comes in; entries are at most 64 KiB and several may share one. */
export const MAX_GOSSIP_RPC_BYTES = 512 * KiB
/** Bytes waiting for one slow gossip peer, then its stream is reset and opened again by the keeper. */
export const MAX_GOSSIP_OUTBOUND_BYTES = 8 * MiB

// --- Messenger -----------------------------------------------------------------------------------
/** Messages waiting for one peer; beyond, the oldest is dropped: it is the one most likely out of date. */
export const MAX_QUEUED_MESSAGES = 64
/** Peers with an own outbox; beyond, the one quiet for longest is closed. */
export const MAX_OUTBOXES = 256
/** After a failed delivery, messages to that peer are dropped for this long instead of dialling for each. */
export const DEAD_PEER_MS = 1 * second

// --- Sync ----------------------------------------------------------------------------------------
/** Heads, and proofs, taken from one peer in one session; what is beyond comes with the next one. */
export const MAX_SYNC_FEEDS = 20_000
/** From so many feeds on, a question carries the digests of all buckets, which are 2 KiB: fewer heads are told outright. */
export const SYNC_BUCKETS_FROM_FEEDS = 257
/** Ranges in one question. */
export const MAX_SYNC_WANTS = 256
/** Pages on their way to us: 1 MiB, which carries 5 MB/s over a round trip of 200 ms. */
export const SYNC_PAGES_AHEAD = 4
/** Pages that a client may have on its way. */
export const MAX_SYNC_PAGES_AHEAD = 16
/** Entries whose hashes are compared at once, to find where two histories part: a million entries take four questions. */
export const MAX_SYNC_PROBES = 32
/** A sync stream on which nothing comes for this long is given up; the other side may be writing a page to an SD card. */
export const SYNC_IDLE_MS = 30 * second
/** A peer may let us wait {@link SYNC_IDLE_MS} in a session, and longer only as long as it brings this much a second: a bad link does. */
export const SYNC_MIN_BYTES_PER_SECOND = 4 * KiB
/** Sessions that this node drives at once. */
export const MAX_SYNC_SESSIONS = 2
/** Passes over feeds that the ledger refused while others advanced: an `admit` may lie in a feed pulled later. */
export const MAX_SYNC_PASSES = 4

// --- Blobs ---------------------------------------------------------------------------------------
/** Blob streams that this node serves at once: each holds two chunks and a file open. */
export const MAX_BLOBS_SERVED = 32
/** Of them to one peer: a swarm of few does not shut out the others. */
export const MAX_BLOBS_SERVED_PEER = 8
/** Blobs that this node fetches at once; others wait. */
export const MAX_BLOB_FETCHES = 8
/** Readers at once whose blob goes past a disk that takes no more, with two pieces of memory each: 64 MiB. */
export const MAX_BLOBS_PASSED = 8
/** Asked for at once: two of them, one coming and one asked for ahead, and what its sender was not told is free, are a window. */
export const BLOB_ASK_BYTES = 768 * KiB
/** Peers asked at once whether they hold a blob. */
export const BLOB_ASK_BATCH = 8
/** Holders that one blob is fetched from at once: beyond, the link of this node is the limit. */
export const MAX_BLOB_HOLDERS = 4
/** Pieces in memory at once, of all fetches: 48 MiB. */
export const MAX_PIECE_BUFFERS = 12
/** A piece that takes longer is fetched elsewhere: 7 KB/s. A holder slower than that holds up more than it brings. */
export const BLOB_PIECE_MS = 10 * minute
/** A piece is fetched a second time when its holder is expected to need this many times as long as another that has nothing to do. */
export const BLOB_STEAL_FACTOR = 1.5
/** How often a holder with nothing to do looks whether another one has become so slow. */
export const BLOB_STEAL_TICK_MS = 1 * second
/** A holder that serves too many is asked again after this, and so often. */
export const BLOB_BUSY_WAIT_MS = 2 * second
export const MAX_BLOB_BUSY_TRIES = 30
/** What a client that reads while we fetch may lag behind in memory; beyond, it continues from disk when we have it all. */
export const MAX_FOLLOWER_LAG_BYTES = 4 * MiB

/** Points for a message that no honest node can send. */
export const BLAME_POINTS = 10
/** From so many points on a member is refused: ten such messages within half a minute are no accident. */
export const BARRED_POINTS = 95
/** Points are forgotten, so many a minute: a bug that shows now and then bars nobody. */
export const FORGIVEN_POINTS = 10
/** A barred member may come back after this: its owner may have cured it. */
export const BARRED_MS = 10 * 60 * 1_000
/** Members whose points are remembered. */
export const MAX_BLAMED = 5_000

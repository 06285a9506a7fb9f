/**
 * Every numeric bound of the protocol, with its unit and why. docs/protocol/ lists the same numbers.
 */
const KiB = 1024
const MiB = 1024 * KiB
const second = 1000
const minute = 60 * second

// --- Entries and records -------------------------------------------------------------------------
/** One entry: 50 results of some 500 bytes are 25 KiB; the rest is room for long requirement lists. */
export const MAX_ENTRY_BYTES = 64 * KiB
/** A proof of equivocation: two entries, and a few bytes around them. */
export const MAX_PROOF_BYTES = 2 * MAX_ENTRY_BYTES + 1 * KiB
/** Records one entry may carry. */
export const MAX_ENTRY_RECORDS = 50
/** An own batch is closed when its records' bytes exceed this. */
export const ENTRY_FLUSH_BYTES = 32 * KiB
/** An own batch waits this long for company: a person does not notice, and a burst shares one signature. */
export const ENTRY_FLUSH_MS = 100
/** A node that starts asks so long what others hold of its feed, before it writes into a new one: time enough to dial and to compare heads. */
export const OWN_HEAD_WAIT_MS = 10 * second
/** An incarnation: random, so that no two lives of a node ever share one. */
export const INCARNATION_BYTES = 8
/** CBOR nesting: our deepest record has 5 levels. */
export const MAX_CBOR_DEPTH = 16
/** How far two clocks of a mesh may be apart before a ticket made on the spot counts as expired. */
export const MAX_CLOCK_AHEAD_MS = 10 * minute
/** Text fields that people read (labels, reasons). */
export const MAX_TEXT_CHARS = 1_000
/** Specs of one want: a requirements file of a large application. */
export const MAX_WANT_SPECS = 500
/** Targets that one node or want may name. */
export const MAX_TARGETS = 64

// --- Anti-entropy --------------------------------------------------------------------------------
/** One frame of a sync stream. */
export const MAX_SYNC_FRAME_BYTES = 256 * KiB
/** Heads in one frame; above this many feeds they go in several frames. */
export const MAX_SYNC_HEADS = 1_000
/** With one random peer, even if gossip lost nothing. Jittered by half. */
export const SYNC_PERIOD_MS = 30 * second

// --- Coordination (docs/protocol/coordination.md) ------------------------------------------------
/** A coordinator's beat to its witnesses. */
export const BEAT_MS = 5 * second
/** A witness that acknowledged a beat promises itself to nobody else for this long. */
export const PROMISE_MS = 2 * BEAT_MS
/** Authority after the *sending* of a beat that a majority acknowledged: less than the promise by more than clock rates can err. */
export const AUTHORITY_MS = 9_300
/** Silence after which a view whose majority is unreachable may be replaced. */
export const VIEW_CHANGE_SILENCE_MS = 6 * BEAT_MS
/** A new holder waits this long for claims it has not heard of before it grants. */
export const SETTLE_MS = 2 * second
/** A builder drops a grant that comes later than this after its request. */
export const GRANT_FRESH_MS = 5 * second
/** A claim without progress ends after this. */
export const CLAIM_TTL_MS = 120 * second
/** A builder tells coordinator and witnesses that it works. */
export const PROGRESS_MS = 30 * second
/** Progress that the holder did not acknowledge is told again after this: with 30 % of all messages lost, 18 tries fit a claim's rest. */
export const PROGRESS_AGAIN_MS = 5 * second
/** Claims that one builder may have: as many as the builds that it may say it runs. */
export const MAX_CLAIMS_PER_BUILDER = 64
/** Jobs of a target whose build requirements a coordinator or witness remembers. */
export const MAX_PINNED_JOBS = 1_000
/** Silent builders of a job after which it is offered only once per {@link RETRY_MAX_MS}. */
export const MAX_CRASHES = 5
/** Builders of a target from which on its jobs are divided in two; doubled for each doubling. */
export const SLICES_FROM_BUILDERS = 125
/** Most slices of a target: from 1,000 builders on. */
export const MAX_SLICES = 16
/** Nobody grants a target's jobs for this long after it saw their division change: the others see it, too, by then. */
export const SLICES_SETTLE_MS = 30 * second
/** A change of what a node builds is told at once if it said nothing for this long, times the nodes present. */
export const PRESENCE_GAP_MS = 100
/** Witnesses of a shard in a mesh of 9 or more coordinating nodes, in a smaller one, and alone. */
export const WITNESSES_LARGE = 5
export const WITNESSES_SMALL = 3
/** From this many coordinating nodes on there are {@link WITNESSES_LARGE} witnesses. */
export const LARGE_MESH_NODES = 9
/** Open jobs among which a coordinator picks by hash, so that two halves of a cut mesh mostly take different ones. */
export const GRANT_WINDOW_JOBS = 300
/** A term or an epoch may exceed the highest one known by so much: more than a mesh gets through in its life, and no short cut to the end. */
export const MAX_COUNTER_LEAP = 2 ** 20
/** One coordination message. */
export const MAX_COORD_BYTES = 64 * KiB
/** Presence of one node, in a mesh of up to 100; slower above, so that a mesh carries some 10 a second. */
export const PRESENCE_MS = 10 * second
/** A node not heard of for this many presence periods is shown as away. */
export const PRESENCE_MISSED = 3
/** Why a node is paused, as presence tells it: a sentence with its cure. */
export const MAX_PAUSE_REASON_CHARS = 300

// --- Retries -------------------------------------------------------------------------------------
/** First wait after a transient failure, doubled each time up to {@link RETRY_MAX_MS}. */
export const RETRY_BASE_MS = 1 * minute
export const RETRY_MAX_MS = 60 * minute
/** Attempts after which a transient failure is taken as the package's own. */
export const MAX_TRANSIENT_ATTEMPTS = 5
/** A build that exceeded a limit is tried again only where there is so many times as much of it: less would rarely do. */
export const NEEDS_FACTOR = 1.25
/** Resource failures of a job after which no bigger node is looked for: 1.25^9 is 7 times the first limit. */
export const MAX_RESOURCE_ATTEMPTS = 10
/** Failures of a job that name the same missing package, then it is final: the package does not cure it. */
export const MAX_DEPENDENCY_ATTEMPTS = 3
/** Installed packages that a node names: with the longest names they still fit an entry. */
export const MAX_NODE_PACKAGES = 500

// --- Batches -------------------------------------------------------------------------------------
/** A batch starts after this much quiet; wants of one author that are no farther apart are one batch (Fedora ELN's rule). */
export const BATCH_QUIET_MS = 5 * second
/** A batch gathers no longer than this, so that one that is added to again and again starts all the same. */
export const BATCH_GATHER_MS = 10 * minute

// --- Blobs ---------------------------------------------------------------------------------------
/** The largest wheel we carry: PyPI's own default limit is 100 MiB, big projects have 1 GiB. */
export const MAX_BLOB_BYTES = 1024 * MiB
/** One chunk on a blob stream. */
export const BLOB_CHUNK_BYTES = 256 * KiB
/** A wheel larger than this is checked piece by piece: a lie is known, and a break costs, after so much at most. */
export const BLOB_PIECE_BYTES = 4 * MiB
/** A blob stream that brings nothing for this long is given up and resumed elsewhere. */
export const BLOB_STALL_MS = 30 * second
/** Streams that one connection may have open for one of our protocols. */
export const MAX_STREAMS_PER_PROTOCOL = 16

// --- Replication (docs/protocol/replication.md) ---------------------------------------------------
/** What one node fetches of copies that it should hold: half of what a Pi's SD card writes, so that builds and pip go first. */
export const REPAIR_BYTES_PER_SECOND = 4 * MiB
/** Copies that it fetches at once. */
export const REPAIR_AT_ONCE = 3
/** Copies that wait to be fetched; the walk over the rest waits for them. */
export const MAX_REPAIRS_WAITING = 1_000
/** A member that was away for so long is taken for gone: others make the copies that it had. Longer than an upgrade with a reboot. */
export const KEEPER_AWAY_MS = 10 * minute
/** Membership, room and copies that failed are looked at this often. */
export const KEEPER_CHECK_MS = 10 * second
/** Members came or went: the copies are looked through after this, jittered by half, since more are about to. */
export const KEEPER_SETTLE_MS = 1 * minute
/** All copies are looked through this often, jittered by half, also when nothing changed: somebody may have deleted files. */
export const KEEPER_ROUND_MS = 360 * minute
/** Blobs looked at in one go, and the pause after: a million of them take some minutes and a tenth of a core. */
export const KEEPER_SLICE_BLOBS = 200
export const KEEPER_SLICE_PAUSE_MS = 50
/** First wait after nobody could give a copy, doubled each time up to {@link REPAIR_RETRY_MAX_MS}. */
export const REPAIR_RETRY_BASE_MS = 30 * second
export const REPAIR_RETRY_MAX_MS = 60 * minute
/** Copies that nobody could give which are tried again by themselves; others are tried at the next walk. */
export const MAX_MISSING_BLOBS = 10_000
/** Tries after which every member that is present is asked, not only those likely to hold the blob. */
export const ASK_ALL_TRIES = 2
/** A wheel that no present member could give for so long, in so many tries, is said to be lost. */
export const LOST_AFTER_MS = 24 * 60 * minute
export const LOST_TRIES = 6
/** The next in the blob's order says so when those before it have not for so long. */
export const LOST_TURN_MS = 60 * minute
/** Whoever holds what is said to be lost waits up to so long for another to say so first. */
export const FOUND_JITTER_MS = 20 * second
/** From this share of its budget on a node takes no more copies, and drops those that others hold, too. */
export const BLOBS_FULL_SHARE = 0.95
/** Below this share it takes copies again: the gap keeps it from changing its mind with every blob. */
export const BLOBS_ROOM_SHARE = 0.85
/** A blob that was read or written this lately is not dropped: it is being used. */
export const BLOB_IN_USE_MS = 10 * minute
/** Blobs that no record speaks of are dropped after this, when space is short: records may still be on their way. */
export const BLOB_UNKNOWN_MS = 24 * 60 * minute
/** Bytes of a blob that a holder must show, from an offset that it cannot foresee, before another copy is dropped. */
export const PROOF_BYTES = 1 * KiB
/** A pass that could not free enough is repeated after this: others have made copies by then. */
export const DROP_AGAIN_MS = 10 * minute
/** New blobs that are looked at one by one; when more come at once, a walk does it. */
export const MAX_APPEARED_BLOBS = 300
/** A node asks another one to show a few bytes of something this often, jittered by half. */
export const AUDIT_MS = 1 * minute
/** Times that a member says it holds a blob and cannot show it, then it is not counted on for {@link DISTRUST_MS}. */
export const AUDIT_LIES = 2
export const DISTRUST_MS = 24 * 60 * minute
/** Copies dropped in one pass over the store. */
export const DROPS_PER_PASS = 1_000

// --- Upstream ------------------------------------------------------------------------------------
/** A project page: the largest on PyPI are some 20 MB of JSON. */
export const MAX_PAGE_BYTES = 64 * MiB
/** A longer ETag of a page is not recorded: the next observer reads the page once more. */
export const MAX_ETAG_CHARS = 200
/** A page younger than this is not asked for again when a client asks. */
export const PAGE_FRESH_MS = 10 * minute
/** One upstream request without any byte. */
export const UPSTREAM_TIMEOUT_MS = 60 * second
/** Pages that the mesh asks for again, in all, and how many at once after a quiet time: 3,000 watched projects in 10 minutes. */
export const UPSTREAM_REVISITS_PER_SECOND = 5
export const UPSTREAM_REVISIT_BURST = 20
/** Pages asked for the first time: a large requirements file at once, and then no faster than people think of names. */
export const UPSTREAM_FIRSTS_PER_SECOND = 0.5
export const UPSTREAM_FIRST_BURST = 500
/** With `follow: everything`, pages that nobody asked for: some 10 days for all of PyPI. */
export const UPSTREAM_BACKLOG_PER_SECOND = 1
/** Projects in the line of those that nobody asked for; the next list brings more. */
export const MAX_BACKLOG_PROJECTS = 20_000
/** Failures in a row of which none was an answer, then only one request at a time finds out whether upstream is back. */
export const UPSTREAM_GONE_FAILURES = 3
/** First wait before such a request, doubled each time, jittered by a quarter. */
export const UPSTREAM_PROBE_BASE_MS = 5 * second
export const UPSTREAM_PROBE_MAX_MS = 5 * minute
/** A Retry-After is obeyed up to this. */
export const MAX_RETRY_AFTER_MS = 60 * minute
/** A name that upstream does not have is not asked for again so soon; it is told in a mesh, and never recorded. */
export const MISSING_FRESH_MS = 5 * minute
export const MAX_MISSING_NAMES = 10_000
/** Projects that clients asked for are watched for so long after the last time, and at most so many. */
export const ASKED_FOR_MS = 14 * 24 * 60 * minute
export const MAX_ASKED_PROJECTS = 5_000
/** What this node's own requests came to, project by project. */
export const MAX_UPSTREAM_CHECKS = 50_000
/** Answers that are older than what is known, then upstream's list is taken to be wrong. */
export const MAX_STALE_TRIES = 5
/** The feed of updates, jittered by a quarter: it lists the last 100 releases, PyPI's of some 20 minutes. */
export const HINT_POLL_MS = 90 * second
/** A project that the feed named is asked for once more after this: a cache may have been asked too early. */
export const HINT_AGAIN_MS = 60 * second
export const MAX_FEED_BYTES = 4 * MiB
/** The list of all projects with their serials, jittered by a quarter: PyPI's is 43 MB, 10 MB as it travels. */
export const LIST_POLL_MS = 360 * minute
/** The first one after this node became the observer: one that is elected for a moment reads none. */
export const LIST_FIRST_MS = 10 * minute
/** Without a feed, or without serials, upstream is asked for them again after this. */
export const NO_NEWS_MS = 24 * 60 * minute
export const MAX_LIST_BYTES = 512 * MiB
/** A node that does not follow upstream asks the one that does: a first word, and the answer. */
export const OBSERVER_WORD_MS = 3 * second
export const OBSERVER_ANSWER_MS = 30 * second
/** One that gave no word is not asked for so long. */
export const OBSERVER_SILENT_MS = 30 * second
/** What an observer answered is on its way as a record; waited for so long. */
export const OBSERVED_ARRIVES_MS = 3 * second

// --- Demand --------------------------------------------------------------------------------------
/** Project and target pairs that are counted. */
export const MAX_DEMANDS = 2_000
/** Of one pair, one request in so long counts: an installer's retries, or a flood, are one. */
export const DEMAND_SPACING_MS = 1 * minute
/** What was counted is worth half after this. */
export const DEMAND_HALF_LIFE_MS = 7 * 24 * 60 * minute
/** Two requests within some days; one may be a mistake. */
export const DEMAND_THRESHOLD = 1.5
/** Pairs that are looked into at a turn, and the time between two turns. */
export const DEMANDS_PER_TURN = 20
export const DEMAND_TURN_MS = 5 * second
/** Wants that a node writes for what clients need, in an hour; and the whole mesh, in a day. */
export const MAX_DEMAND_WANTS_PER_HOUR = 20
export const MAX_DEMAND_WANTS_PER_DAY = 500
/** A want that came from demand makes its project watched for so long. */
export const DEMAND_WATCH_MS = 30 * 24 * 60 * minute
/** The longest User-Agent that is read: pip's has some 500 characters. */
export const MAX_AGENT_CHARS = 2_000
/** Presses of the button of a project page that a node takes at once, and how fast it takes more. */
export const ASK_BURST = 10
export const ASKS_PER_SECOND = 0.1

// --- Builds --------------------------------------------------------------------------------------
export const BUILD_WALL_MS = 3 * 60 * minute
/** No output and no CPU time for this long: the build waits for something that will not come. */
export const BUILD_SILENCE_MS = 20 * minute
export const BUILD_MEMORY_BYTES = 2048 * MiB
export const BUILD_DISK_BYTES = 4096 * MiB
export const BUILD_PROCESSES = 256
/** A log keeps this much of its head and of its tail. */
export const LOG_HEAD_BYTES = 1 * MiB
export const LOG_TAIL_BYTES = 1 * MiB
/** A build that writes more than this is ended. */
export const LOG_MAX_BYTES = 20 * MiB
/** Rounds of asking the backend for more requirements. */
export const MAX_REQUIREMENT_ROUNDS = 3
/** For so long a node builds with the requirements that pip chose for others that asked for the same. */
export const REQUIREMENTS_FRESH_MS = 24 * 60 * minute
/** Of requirement wheels that a node keeps, and again of environments made of them: some hundred of setuptools, or five of numpy with Cython. */
export const BUILD_CACHE_BYTES = 1024 * MiB
/** Pins that are told from builder to builder, in all: some 60 lines. What has more is resolved again. */
export const MAX_PINS_BYTES = 8 * 1024
/** An sdist as fetched, unpacked, and its number of members. */
export const MAX_SDIST_BYTES = 512 * MiB
export const MAX_SDIST_UNPACKED_BYTES = 2048 * MiB
export const MAX_SDIST_MEMBERS = 100_000
/** Grace between TERM and KILL of a build. */
export const KILL_GRACE_MS = 2 * second

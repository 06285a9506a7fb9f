/** Bounds of everything that speaks HTTP, with unit and why. docs/protocol/index.md lists the same numbers. */
const KiB = 1024
const MiB = 1024 * KiB
const second = 1000

/** Rendered pages kept in memory: some thousand projects of ordinary size, and no burden for a Pi of 1 GiB. */
export const PAGE_CACHE_BYTES = 32 * MiB
/** What a kept page costs beside its bytes, as measured: most pages of PyPI are smaller than this. */
export const PAGE_ENTRY_BYTES = 1 * KiB
/** The list of all projects: one form of PyPI's 900,000 names is 43 MB, and takes a second to make. */
export const ROOT_CACHE_BYTES = 64 * MiB
/** Below this a compressed body saves no packet. */
export const GZIP_MIN_BYTES = 1 * KiB
/** Different `Accept` headers whose outcome is remembered: every version of pip and uv sends its own one. */
export const ACCEPT_MEMO_ENTRIES = 64
/** A body that is read at once and sent in one piece: as much as a slow client of a larger one keeps in memory, too. */
export const DIRECT_FILE_BYTES = 256 * KiB
/** A POST to the API: 500 specs of 200 characters and room. */
export const MAX_BODY_BYTES = 256 * KiB
/** One spec of a want, as typed. */
export const MAX_SPEC_CHARS = 500
/** The longest life of an invitation. */
export const MAX_INVITE_TTL_MS = 30 * 24 * 3600 * second
export const MAX_INVITE_USES = 1_000
/** The longest pause that ends by itself. */
export const MAX_PAUSE_MS = 365 * 24 * 3600 * second
/** Why, in the owner's words: with what is put before them it fits what presence carries. */
export const MAX_PAUSE_WORDS = 200
/** Rows of a list in the API, when the question names no number and at most. */
export const DEFAULT_LIST_ROWS = 200
export const MAX_LIST_ROWS = 5_000
/** Clients that may watch events at once. */
export const MAX_EVENT_STREAMS = 64
/** Events that wait for a slow client; one that falls further behind is cut off and asks for the state anew. */
export const MAX_QUEUED_EVENTS = 1_000
/** Keeps proxies and the idle timeout from ending a quiet event stream. */
export const EVENT_HEARTBEAT_MS = 15 * second
/** A log as inflated for a client without gzip: what a build may write, and a bound for a hostile archive. */
export const MAX_INFLATED_LOG_BYTES = 20 * MiB
/** Logs that are read for pages at once: each may take some 100 MiB while it is looked at. */
export const MAX_LOG_PAGES = 2
/** What somebody types into the search: no project has a longer name than 200 characters. */
export const MAX_QUERY_CHARS = 200
/** Projects that a search finds, when the question names no number and at most. */
export const DEFAULT_SEARCH_ROWS = 100
export const MAX_SEARCH_ROWS = 500
/** Entries of a feed: a busy mesh of 50 builders ends some 50 builds in a quarter of an hour, and readers ask that often. */
export const MAX_FEED_ENTRIES = 50

/** All headers of one request. */
export const MAX_HEADER_BYTES = 16 * KiB
export const MAX_HEADERS = 100
export const HEADERS_TIMEOUT_MS = 15 * second
export const REQUEST_TIMEOUT_MS = 60 * second
/** Longer than pip and uv pause between two requests, so that an install needs one connection. */
export const KEEP_ALIVE_MS = 65 * second
/** A connection on which nothing moves: a client that went away without a word. */
export const SOCKET_IDLE_MS = 120 * second
export const MAX_CONNECTIONS = 1_024
/** Time that running answers get when the node stops. */
export const CLOSE_GRACE_MS = 2 * second

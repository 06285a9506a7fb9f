import { z } from 'zod'
import { capsSchema, DEFAULT_CAPS } from './caps-schema.ts'
import {
  BUILD_DISK_BYTES,
  BUILD_MEMORY_BYTES,
  BUILD_PROCESSES,
  BUILD_SILENCE_MS,
  BUILD_WALL_MS,
  MAX_TEXT_CHARS,
  PAGE_FRESH_MS
} from '../core/limits.ts'
import { parseProjectName } from '../core/distribution.ts'
import { NETWORK_RULE } from '../core/network-rule.ts'
import { ROLES } from '../core/record.ts'
import { isTargetId } from '../core/target.ts'

const MiB = 1024 * 1024
const second = 1000
const week = 7 * 24 * 3600 * second
/** Longer than any mesh has addresses. */
const MAX_LIST = 64

const LISTEN = /^\/(ip4|ip6|dns|dns4|dns6)\/[^/\s]+\/tcp\/\d{1,5}$/
const PEER = /^\/(ip4|ip6|dns|dns4|dns6)\/[^/\s]+\/tcp\/\d{1,5}(\/p2p\/[1-9A-HJ-NP-Za-km-z]+)?$/
/** A mirror that picks its projects one by one: more are better kept all. */
const MAX_MIRRORED = 10_000
/** What useradd takes, and a number. */
const USER = /^([a-z_][a-z0-9_-]{0,31}|\d{1,9})$/

const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

/** One line of text that other members read. */
const label = z
  .string()
  .max(MAX_TEXT_CHARS)
  .regex(/^[^\p{Cc}]*$/u, 'must be one line of text')
const address = z.string().regex(LISTEN, 'an address looks like /ip4/0.0.0.0/tcp/4710')
const peer = z.string().regex(PEER, 'an address looks like /ip4/192.168.1.20/tcp/4710/p2p/12D3KooW…')
const duration = z.int().min(second).max(week)
const bytes = z.int().min(16 * MiB)
/** Below, 32 streams that share it would stall one another. */
const MIN_RATE = 16_000
const rate = z
  .int()
  .refine((value) => value === 0 || value >= MIN_RATE, `must be 0, or at least ${MIN_RATE} bytes a second`)

const http = z.strictObject({
  host: z
    .string()
    .regex(/^[^\s/]+$/, 'a host is an address or a name')
    .describe('Where pip, the dashboard and the commands reach this node; 0.0.0.0 for the whole network'),
  port: z.int().min(0).max(65_535).describe('Its TCP port; 0 takes any free one')
})

const build = z.strictObject({
  wallMs: duration.describe('The longest a build may take, in milliseconds'),
  silenceMs: duration.describe('A build that neither writes nor computes for this long is ended'),
  memoryBytes: bytes.describe('Memory that one build may use'),
  diskBytes: bytes.describe('Disk that one build may use'),
  processes: z.int().min(8).max(32_768).describe('Processes that one build may have at a time'),
  rust: z
    .string()
    .regex(/^(\/.*)?$/, 'must be the absolute path of a folder')
    .describe(
      'Folder of the Rust toolchain that builds use (it holds bin/cargo); empty: the system’s, else the one on PATH'
    ),
  network: z
    .array(z.string().refine(isNetworkRule, 'a rule looks like some-project=files.example.org'))
    .max(MAX_LIST)
    .describe(
      'Hosts that the builds of a project may reach, through a proxy that logs: name=host, or name=*.host'
    )
})

/** What a person may set, but for the data folder (data-dir.ts). Descriptions become docs/configuration.md. */
export const settingsShape = {
  name: label.describe('What this node is called in lists; empty: the name of the machine'),
  contact: label.describe('How its owner is reached, for the other members; may stay empty'),
  listen: z
    .array(address)
    .max(MAX_LIST)
    .describe(
      'Multiaddrs on which other nodes reach this one; an IPv6 one is passed over where there is none'
    ),
  announce: z
    .array(address)
    .max(MAX_LIST)
    .describe('Multiaddrs to tell the others besides those: a forwarded port, a name'),
  bootstrap: z.array(peer).max(MAX_LIST).describe('Multiaddrs of members to dial first'),
  http,
  pythons: z
    .array(z.string().min(1, 'a path is missing'))
    .max(MAX_LIST)
    .describe(
      'Interpreters to build for, as paths or names on PATH; auto: all that the system has in /usr/bin; empty: python3'
    ),
  roles: z
    .array(z.enum(ROLES))
    .describe('What this node does for the mesh; empty: it follows and serves only'),
  upstream: z
    .string()
    .refine(isIndexUrl, 'must be an http or https URL')
    .describe('The index to follow; empty: the one that pip would use on this machine'),
  upstreamPollMs: duration.describe('How often it is asked for news of each project that the mesh watches'),
  follow: z
    .enum(['watched', 'everything'])
    .describe(
      'Which projects are watched: wanted ones and those that clients ask for, or slowly everything that it lists'
    ),
  demand: z
    .enum(['on', 'off'])
    .describe(
      'What pip and uv need and nobody has is wanted, with low priority; visitors may ask for builds'
    ),
  mdns: z.boolean().describe('Find and be found on the local network'),
  acceptLan: z.boolean().describe('Let newcomers of the local network in without a ticket'),
  slots: z.int().min(1).max(256).describe('Builds at a time'),
  build,
  caps: capsSchema,
  buildDir: z
    .string()
    .regex(/^(\/.*)?$/, 'must be the absolute path of a folder')
    .describe('Folder in which builds happen: a USB disk, or memory (tmpfs); empty: in the data folder'),
  buildUser: z
    .string()
    .regex(USER, 'must be the name or number of a user')
    .describe('As whom builds run, when root runs the node'),
  disk: z.int().min(0).describe('Disk that wheels, logs and pages may take; 0: as much as minFree leaves'),
  minFree: z
    .int()
    .min(0)
    .describe('Disk space that stays free beside them, for everything else on the machine'),
  upload: rate.describe(
    'Bytes a second that go to other nodes at most, of wheels, logs and pages; 0: no limit'
  ),
  download: rate.describe('Bytes a second that come from other nodes at most, of the same; 0: no limit'),
  mirrorTargets: z
    .array(
      z
        .string()
        .refine((text): boolean => isTargetId(text), 'a target looks like cp313-linux_armv7l-glibc2.41')
    )
    .max(MAX_LIST)
    .describe('With the role mirror: keep the wheels of these targets only; empty: of all'),
  mirrorProjects: z
    .array(z.string().refine(isProjectName, 'must be the name of a project'))
    .max(MAX_MIRRORED)
    .describe('With the role mirror: keep these projects only; empty: all'),
  logLevel: z.enum(LOG_LEVELS).describe('How much the node writes about itself')
}

const settingsSchema = z.strictObject(settingsShape)
/** The settings of a whole configuration. */
export type Settings = z.infer<typeof settingsSchema>

/** One source: says only what it wants to change. */
export const layerSchema = z.strictObject({
  ...settingsSchema.partial().shape,
  http: http.partial().optional(),
  build: build.partial().optional(),
  caps: capsSchema.partial().optional()
})
export type Layer = z.infer<typeof layerSchema>

/** What holds where nobody says otherwise; config/default.json is the same. */
export const DEFAULT_SETTINGS: Settings = {
  name: '',
  contact: '',
  listen: ['/ip4/0.0.0.0/tcp/4710', '/ip6/::/tcp/4710'],
  announce: [],
  bootstrap: [],
  // Loopback: nobody reaches an index that its owner did not mean to offer.
  http: { host: '127.0.0.1', port: 8410 },
  pythons: [],
  roles: ['build', 'index'],
  upstream: '',
  upstreamPollMs: PAGE_FRESH_MS,
  follow: 'watched',
  demand: 'on',
  mdns: true,
  acceptLan: false,
  // A build of C++ takes all memory that most Pis have.
  slots: 1,
  build: {
    wallMs: BUILD_WALL_MS,
    silenceMs: BUILD_SILENCE_MS,
    memoryBytes: BUILD_MEMORY_BYTES,
    diskBytes: BUILD_DISK_BYTES,
    processes: BUILD_PROCESSES,
    rust: '',
    network: []
  },
  caps: DEFAULT_CAPS,
  buildDir: '',
  buildUser: 'commonwheel-build',
  disk: 0,
  // Logs, updates and the builds of this machine need some, too.
  minFree: 1024 * MiB,
  upload: 0,
  download: 0,
  mirrorTargets: [],
  mirrorProjects: [],
  logLevel: 'info'
}

function isIndexUrl(text: string): boolean {
  return text === '' || (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol))
}

function isNetworkRule(text: string): boolean {
  const [, project = ''] = NETWORK_RULE.exec(text) ?? []
  return isProjectName(project)
}

function isProjectName(text: string): boolean {
  try {
    return parseProjectName(text) !== ''
  } catch {
    return false
  }
}

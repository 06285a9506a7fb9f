import { SERVICE_USER, type ServiceScope } from './service-places.ts'

/** What differs between the units of two machines. */
export interface UnitFacts {
  readonly scope: ServiceScope
  /** Absolute path of the Node.js that runs it. */
  readonly node: string
  /** Absolute path of the program's folder: the link to the version in use. */
  readonly program: string
  readonly dataDir: string
  /** Options of `join` besides. */
  readonly words: readonly string[]
}

/** The event loop says so often that it turns; a node that does not is started anew. */
const WATCHDOG_SECONDS = 120
/** A start may have a broken database to repair, and a Pi's card is slow. */
const START_SECONDS = 1_800
/** Running builds are ended, claims given back, peers told. */
const STOP_SECONDS = 90

/**
 * The unit. It never restarts somebody else's machine, and stops trying after six failed starts in an hour. Hardened as far as
 * bubblewrap bears: what mounts, namespaces and /proc/sys need is left out, with a line that says so. systemd.exec(5)
 */
export function unitText(facts: UnitFacts): string {
  return [
    '# Written by `commonwheel service install`; changes belong into a drop-in: systemctl edit commonwheel',
    '[Unit]',
    'Description=Commonwheel: builds Python wheels with others and serves their index',
    ...(facts.scope === 'system'
      ? ['Wants=network-online.target', 'After=network-online.target time-sync.target']
      : []),
    'StartLimitIntervalSec=1h',
    'StartLimitBurst=6',
    '',
    '[Service]',
    'Type=notify',
    // systemd-notify is a child of the node.
    'NotifyAccess=all',
    `ExecStart=${execLine(facts)}`,
    `Environment=${quoted(`COMMONWHEEL_DATA_DIR=${facts.dataDir}`)}`,
    `WatchdogSec=${WATCHDOG_SECONDS}`,
    'Restart=on-failure',
    'RestartSec=15',
    `TimeoutStartSec=${START_SECONDS}`,
    `TimeoutStopSec=${STOP_SECONDS}`,
    // The node ends its builds itself; what is left after that is killed.
    'KillMode=mixed',
    'OOMPolicy=continue',
    'MemoryMax=85%',
    // For the memory limit of each build.
    'Delegate=yes',
    'Nice=10',
    'IOSchedulingClass=idle',
    'UMask=0077',
    'NoNewPrivileges=yes',
    ...(facts.scope === 'system' ? systemLines(facts) : []),
    '',
    '[Install]',
    `WantedBy=${facts.scope === 'system' ? 'multi-user.target' : 'default.target'}`,
    ''
  ].join('\n')
}

function systemLines({ dataDir }: UnitFacts): readonly string[] {
  return [
    `User=${SERVICE_USER}`,
    `Group=${SERVICE_USER}`,
    ...(dataDir === '/var/lib/commonwheel'
      ? ['StateDirectory=commonwheel', 'StateDirectoryMode=0700']
      : [`ReadWritePaths=${escaped(dataDir)}`]),
    'CapabilityBoundingSet=',
    'AmbientCapabilities=',
    'ProtectSystem=strict',
    'ProtectHome=yes',
    'PrivateTmp=yes',
    'PrivateDevices=yes',
    'ProtectClock=yes',
    'ProtectKernelLogs=yes',
    'ProtectKernelModules=yes',
    'LockPersonality=yes',
    'RestrictRealtime=yes',
    'RestrictSUIDSGID=yes',
    'RemoveIPC=yes',
    'SystemCallFilter=~@swap @reboot @raw-io @module @clock @obsolete @cpu-emulation @debug',
    // A build that tries one is told no, as by our own filter; it is not killed without a word.
    'SystemCallErrorNumber=EPERM',
    // Netlink: bubblewrap brings the loopback of a sandbox up.
    'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
    '# Left out, since bubblewrap then does not start: ProtectKernelTunables, ProtectProc, ProcSubset, ProtectHostname,',
    '# RestrictNamespaces, PrivateUsers, ProtectControlGroups, and system call filters without @mount.',
    '# Left out, since Node.js compiles while it runs: MemoryDenyWriteExecute. For 32-bit builds on 64-bit kernels:',
    '# SystemCallArchitectures.'
  ]
}

function execLine({ node, program, words }: UnitFacts): string {
  return [node, `${program}/dist/cli/main.js`, 'join', '--json', ...words].map(quoted).join(' ')
}

/** systemd.service(5), "Command lines": specifiers, variables and quotes are doubled or escaped. */
function quoted(word: string): string {
  const text = escaped(word).replaceAll('$', '$$$$').replace(/["\\]/g, '\\$&')
  return /^[A-Za-z0-9@%+=:,./_-]+$/.test(text) ? text : `"${text}"`
}

/** A line break would begin another setting. */
function escaped(word: string): string {
  if (/\p{Cc}/u.test(word)) throw new TypeError('a word of a unit has a control character')
  return word.replaceAll('%', '%%')
}

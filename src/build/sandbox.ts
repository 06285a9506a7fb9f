import type { HostFacts } from './host-facts.ts'

const MiB = 1024 * 1024
/** Shared memory and /tmp are RAM: enough for semaphores and small files; TMPDIR is on the disk. */
const SHM_BYTES = 64 * MiB
const TMP_BYTES = 256 * MiB

/** The sandbox's fixed paths: equal on every node, so that paths inside wheels are equal too. */
export const INSIDE = {
  work: '/build',
  home: '/build/home',
  tmp: '/build/tmp',
  source: '/build/src',
  output: '/build/out',
  dependencies: '/deps',
  tools: '/tools',
  /** The build requirements, installed. */
  environment: '/env',
  /** A Rust toolchain from outside /usr. */
  rust: '/rust',
  cargoHome: '/build/cargo',
  /** The source tree, for what reads it and runs nothing of it. */
  sourceToRead: '/source',
  /** The folder of the proxy's socket, for builds that may reach some hosts. */
  network: '/network'
} as const

/** File descriptors that bwrap reads its filter from and writes its status to. */
export const SECCOMP_FD = 3
export const STATUS_FD = 4

export interface Bind {
  readonly host: string
  readonly inside: string
}

/** Everything one sandbox is made of. */
export interface SandboxPlan {
  readonly facts: HostFacts
  /** Synthetic passwd, group, hosts and nsswitch.conf. */
  readonly etcFolder: string
  /** The one writable folder, seen as {@link INSIDE.work}. */
  readonly work: string
  readonly readOnly: readonly Bind[]
  /** Where steps that run no code of any package may write beside {@link SandboxPlan.work}. */
  readonly writable?: readonly Bind[]
  /** `true` only for steps that run no code of any package. */
  readonly network: boolean
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  readonly command: readonly string[]
}

/** bwrap's arguments for a plan. Pure, so that a test can read them. research notes: sandbox §2.3. */
export function bwrapArguments(plan: SandboxPlan): readonly string[] {
  return [
    ...['--add-seccomp-fd', String(SECCOMP_FD), '--json-status-fd', String(STATUS_FD)],
    ...namespaceArguments(plan.network),
    ...systemArguments(plan),
    ...['--bind', plan.work, INSIDE.work],
    ...(plan.writable ?? []).flatMap(({ host, inside }) => ['--bind', host, inside]),
    ...plan.readOnly.flatMap(({ host, inside }) => ['--ro-bind', host, inside]),
    // The root and /dev are tmpfs as large as half the RAM: writable they would be a way around every limit.
    ...['--remount-ro', '/usr/local', '--remount-ro', '/dev', '--remount-ro', '/'],
    ...['--chdir', plan.cwd],
    ...Object.entries(plan.env).flatMap(([name, value]) => ['--setenv', name, value]),
    '--',
    ...plan.command
  ]
}

function namespaceArguments(network: boolean): readonly string[] {
  return [
    ...['--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'],
    ...(network ? [] : ['--unshare-net']),
    ...['--disable-userns', '--die-with-parent', '--new-session', '--clearenv', '--cap-drop', 'ALL'],
    ...['--uid', '1000', '--gid', '1000', '--hostname', 'builder']
  ]
}

function systemArguments({ facts, etcFolder }: SandboxPlan): readonly string[] {
  return [
    ...['--ro-bind', '/usr', '/usr', '--tmpfs', '/usr/local'],
    ...facts.usrLinks.flatMap((name) => ['--symlink', `usr/${name}`, `/${name}`]),
    ...facts.etcPaths.flatMap((path) => ['--ro-bind-try', path, path]),
    ...ETC_FILES.flatMap(({ name }) => ['--ro-bind', `${etcFolder}/${name}`, `/etc/${name}`]),
    ...['--proc', '/proc', '--dev', '/dev'],
    ...['--size', String(SHM_BYTES), '--tmpfs', '/dev/shm', '--size', String(TMP_BYTES), '--tmpfs', '/tmp'],
    ...['--dir', '/home/build']
  ]
}

/** Without these, getpass.getuser() and the name `localhost` fail inside. */
export const ETC_FILES: readonly { readonly name: string; readonly text: string }[] = [
  {
    name: 'passwd',
    text: `build:x:1000:1000::${INSIDE.home}:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n`
  },
  { name: 'group', text: 'build:x:1000:\nnogroup:x:65534:\n' },
  { name: 'hosts', text: '127.0.0.1 localhost builder\n::1 localhost\n' },
  { name: 'nsswitch.conf', text: 'passwd: files\ngroup: files\nhosts: files dns\n' }
]

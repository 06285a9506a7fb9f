import { capture, type SandboxHost } from './capture.ts'
import { runTool } from './run-tool.ts'

/** Whether this machine can build, found by trying. */
export type SandboxVerdict =
  | { readonly kind: 'ready'; readonly level: 2 | 3; readonly version: string }
  | { readonly kind: 'refused'; readonly level: 0; readonly reason: string; readonly cure: string }

/** The first bubblewrap with `--disable-userns`: without it a build can make itself root of a namespace of its own. */
const MIN_BWRAP = [0, 8] as const

/** Tools that every launch goes through, and the Debian package of each. */
const TOOLS: readonly (readonly [tool: string, aptPackage: string])[] = [
  ['setpriv', 'util-linux'],
  ['prlimit', 'util-linux'],
  ['ionice', 'util-linux'],
  ['nice', 'coreutils'],
  ['du', 'coreutils']
]

/**
 * Runs `true` in a sandbox as a build would. Level 2: bubblewrap, seccomp and rlimits; 3: and control groups that
 * hold memory; 0: no building here.
 */
export async function probeSandbox(host: SandboxHost): Promise<SandboxVerdict> {
  const { code, stdout } = await runTool('bwrap', ['--version'])
  if (code !== 0) return refused('bubblewrap is not installed', 'apt install bubblewrap')
  const version = /(\d+)\.(\d+)/.exec(stdout) ?? []
  if (isOlder(Number(version[1]), Number(version[2]))) {
    return refused(
      `bubblewrap ${version[0] ?? '?'} is too old`,
      'bubblewrap 0.8 or newer is needed: Debian 12 has it'
    )
  }
  for (const [tool, aptPackage] of TOOLS) {
    if ((await runTool(tool, ['--version'])).code !== 0)
      return refused(`${tool} is missing`, `apt install ${aptPackage}`)
  }
  const { ending, output } = await capture(host, ['true'])
  if (ending.kind === 'exited' && ending.code === 0) {
    return { kind: 'ready', level: host.groups === undefined ? 2 : 3, version: version[0] ?? '' }
  }
  return refusalFrom(ending.kind === 'not-started' ? ending.reason : JSON.stringify(ending), output)
}

function isOlder(major: number, minor: number): boolean {
  return !(major > MIN_BWRAP[0] || (major === MIN_BWRAP[0] && minor >= MIN_BWRAP[1]))
}

function refusalFrom(reason: string, output: string): SandboxVerdict {
  const text = `${reason} ${output}`
  const line = output.trim().split('\n').at(-1) ?? ''
  const shown = `the sandbox does not start: ${line === '' ? reason : line}`
  if (/max_user_namespaces|disable-userns/.test(text)) {
    return refused(shown, 'take ProtectKernelTunables out of the systemd unit that starts this node')
  }
  if (/new namespace|user namespace|uid map|Operation not permitted/i.test(text)) {
    return refused(
      shown,
      'allow user namespaces: sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000; ' +
        'on Ubuntu also kernel.apparmor_restrict_unprivileged_userns=0; in a container relax its seccomp profile'
    )
  }
  return refused(shown, 'run `bwrap --ro-bind / / true` as an ordinary user to see why')
}

function refused(reason: string, cure: string): SandboxVerdict {
  return { kind: 'refused', level: 0, reason, cure }
}

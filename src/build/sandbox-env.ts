import { INSIDE } from './sandbox.ts'

/** Certificate and proxy settings of this machine that fetching needs; nothing else of its environment goes in. */
const FETCH_VARIABLES = [
  ...['SSL_CERT_FILE', 'SSL_CERT_DIR', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'PIP_CERT'],
  ...['http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'],
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY']
]

/** For code of packages: tools that its requirements bring go before this machine's. */
export const BUILD_PATH = `${INSIDE.environment}/bin:${INSIDE.tools}/bin:/usr/bin:/bin`

/** What every command in a sandbox sees. The same on every node: some backends write their environment into the wheel. */
export function baseEnvironment(): Readonly<Record<string, string>> {
  return {
    HOME: INSIDE.home,
    USER: 'build',
    LOGNAME: 'build',
    SHELL: '/bin/sh',
    PATH: `${INSIDE.tools}/bin:/usr/bin:/bin`,
    // On the disk: a Pi's RAM-backed /tmp is too small for builds.
    TMPDIR: INSIDE.tmp,
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
    PYTHONHASHSEED: '0',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONUNBUFFERED: '1',
    PIP_CONFIG_FILE: '/dev/null',
    PIP_NO_INPUT: '1',
    PIP_NO_CACHE_DIR: '1',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_ROOT_USER_ACTION: 'ignore'
  }
}

/** For code of packages: told to stay off the network, which it could not reach, so that it fails early and clearly. */
export function buildEnvironment(
  sourceDateEpoch: number,
  parallelism: number
): Readonly<Record<string, string>> {
  const jobs = String(parallelism)
  return {
    ...baseEnvironment(),
    PATH: BUILD_PATH,
    PIP_NO_INDEX: '1',
    PIP_FIND_LINKS: INSIDE.dependencies,
    SOURCE_DATE_EPOCH: String(sourceDateEpoch),
    GIT_ALLOW_PROTOCOL: 'file',
    GIT_TERMINAL_PROMPT: '0',
    CARGO_NET_OFFLINE: 'true',
    MAKEFLAGS: `-j${jobs}`,
    CMAKE_BUILD_PARALLEL_LEVEL: jobs,
    CARGO_BUILD_JOBS: jobs
  }
}

/** For fetching requirements: the machine's way to the network, and where its certificates lie. */
export function fetchEnvironment(
  machine: Readonly<Record<string, string | undefined>>
): Readonly<Record<string, string>> {
  const kept = FETCH_VARIABLES.flatMap((name) => {
    const value = machine[name]
    return value === undefined || value === '' ? [] : [[name, value] as const]
  })
  return { ...baseEnvironment(), ...Object.fromEntries(kept) }
}

/** Files and folders of the host that fetching needs beside `/usr`. */
export function fetchPaths(env: Readonly<Record<string, string>>): readonly string[] {
  const named = FETCH_VARIABLES.slice(0, 5).map((name) => env[name] ?? '')
  const always = ['/etc/resolv.conf', '/etc/hosts', '/etc/ssl/certs', '/usr/local/share/ca-certificates']
  // Elsewhere the build user may not get at them, and bwrap would not start.
  return [...new Set([...always, ...named])].filter((path) => /^\/(etc|usr\/local)\//.test(path))
}

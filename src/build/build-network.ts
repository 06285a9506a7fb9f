import { chmod, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BuildRun } from './build-run.ts'
import { NetworkProxy } from './network-proxy.ts'
import { allowedHosts } from './network-policy.ts'
import { packagePath } from './package-path.ts'
import { INSIDE, type Bind } from './sandbox.ts'

/** What a build is given to reach the network by. */
export interface BuildNetwork {
  /** The words before its command. */
  readonly prefix: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly readOnly: readonly Bind[]
}

const NO_NETWORK: BuildNetwork = { prefix: [], env: {}, readOnly: [] }
/** Of the sandbox's own loopback: what builds listen on themselves is elsewhere. */
const PORT = 61_080
const SEARCH_ONLY = 0o711
/** Whoever gets into its folder may speak to it; that is the build's sandbox alone. */
const ANYBODY = 0o666

/**
 * Gives a build of an allowed project its way out while `use` runs: its own network stays empty but for a forwarder to a proxy of
 * the node. A project without a rule gets nothing, as ever.
 */
export async function withNetwork<T>(run: BuildRun, use: (network: BuildNetwork) => Promise<T>): Promise<T> {
  const allowed = allowedHosts(run.options.network, run.request.job.project)
  if (allowed.length === 0) return use(NO_NETWORK)
  const { work, log } = run.context
  const folder = join(work.path, 'network')
  await mkdir(folder)
  await chmod(folder, SEARCH_ONLY)
  const socket = join(folder, 'proxy')
  const proxy = new NetworkProxy({
    allowed,
    log: (line) => {
      // the log tells of its own trouble when it is read
      log.line(line).catch(() => undefined)
    },
    ...run.options.proxy
  })
  await proxy.listen(socket)
  await chmod(socket, ANYBODY)
  await log.line(`network: by proxy, for ${allowed.join(', ')}`)
  try {
    return await use(await networkBy(folder))
  } finally {
    await proxy.close()
    run.onNetwork(proxy.reached)
  }
}

async function networkBy(folder: string): Promise<BuildNetwork> {
  // As text: the build user may not get at the folder that this program is installed in.
  const forwarder = await readFile(packagePath('config/python/with_proxy.py'), 'utf8')
  const proxy = `http://127.0.0.1:${PORT}`
  const names = ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY']
  return {
    prefix: [`${INSIDE.tools}/bin/python`, '-I', '-c', forwarder, `${INSIDE.network}/proxy`, String(PORT)],
    env: {
      ...Object.fromEntries(names.map((name) => [name, proxy])),
      no_proxy: 'localhost,127.0.0.1',
      NO_PROXY: 'localhost,127.0.0.1',
      GIT_ALLOW_PROTOCOL: 'file:https',
      CARGO_NET_OFFLINE: 'false'
    },
    readOnly: [{ host: folder, inside: INSIDE.network }]
  }
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const EXAMPLE = fileURLToPath(new URL('../../config/nginx.conf', import.meta.url))
const UP_MS = 10_000
/** The worker runs as another user, who must be able to get through. */
const SEARCH_ONLY = 0o711

/** A real nginx with the example of this repository, of which nothing is changed but folder and ports. */
export interface Nginx {
  /** With a slash at the end. */
  readonly url: string
  /** What it logged of requests: `GET /simple/ 200 1234`. */
  requests(): Promise<readonly string[]>
  /** What it complained of. */
  errors(): Promise<string>
  stop(): Promise<void>
}

export async function startNginx(exported: string, folder: string): Promise<Nginx> {
  await mkdir(folder, { recursive: true })
  await chmod(folder, SEARCH_ONLY)
  const [port, namesPort] = await freePorts(2)
  const conf = join(folder, 'nginx.conf')
  await writeFile(conf, mainConf(folder))
  await writeFile(join(folder, 'commonwheel.conf'), await exampleFor(exported, port!, namesPort!))
  const child = spawn('nginx', ['-p', folder, '-c', conf, '-e', join(folder, 'error.log')], {
    stdio: ['ignore', 'inherit', 'inherit']
  })
  const died = once(child, 'close').then(() => {
    throw new Error(`nginx ended at once; ${folder} has its log`)
  })
  died.catch(() => undefined)
  const url = `http://127.0.0.1:${port!}/`
  await Promise.race([died, untilUp(url)])
  return {
    url,
    requests: async () => linesOf(join(folder, 'access.log')),
    errors: async () => (await linesOf(join(folder, 'error.log'))).join('\n'),
    async stop() {
      if (child.exitCode !== null) return
      const closed = once(child, 'close')
      child.kill('SIGTERM')
      await closed
    }
  }
}

function mainConf(folder: string): string {
  const temps = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `  ${kind}_temp_path ${join(folder, kind)};`
  )
  return [
    'daemon off;',
    'worker_processes 1;',
    `pid ${join(folder, 'pid')};`,
    'events { }',
    'http {',
    `  log_format short '$request_method $request_uri $status $body_bytes_sent';`,
    `  access_log ${join(folder, 'access.log')} short;`,
    ...temps,
    `  include ${join(folder, 'commonwheel.conf')};`,
    '}',
    ''
  ].join('\n')
}

/** The example with other values in the places that it calls the reader's. */
async function exampleFor(exported: string, port: number, namesPort: number): Promise<string> {
  const text = await readFile(EXAMPLE, 'utf8')
  const changes: readonly (readonly [string, string])[] = [
    ['    listen 80;\n    listen [::]:80;', `    listen 127.0.0.1:${port};`],
    ['set $cw_export /srv/commonwheel;', `set $cw_export ${exported};`],
    ['127.0.0.1:8411', `127.0.0.1:${namesPort}`]
  ]
  return changes.reduce((before, [from, to]) => {
    if (!before.includes(from)) throw new Error(`config/nginx.conf has no ${JSON.stringify(from)} any more`)
    return before.replaceAll(from, to)
  }, text)
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    })
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map(async (server) => once(server.close(), 'close')))
  return ports
}

async function untilUp(url: string): Promise<void> {
  const began = performance.now()
  for (;;) {
    try {
      await fetch(url)
      return
    } catch (error) {
      if (performance.now() - began > UP_MS) throw error
      await sleep(50)
    }
  }
}

async function linesOf(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.split('\n').filter((line) => line !== '')
}

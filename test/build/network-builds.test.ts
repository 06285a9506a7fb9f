import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { customSdist } from '../fixtures/custom-sdist.ts'
import {
  buildFixture,
  createBuildKit,
  leftovers,
  logText,
  wheelMembers,
  type BuildKit
} from '../support/build-kit.ts'

// Real builds at idle priority: slow where others work, never a matter of this code.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

/** Tries each address with what the environment says of proxies, one by a tunnel, and one past the proxy; says what came. */
const ASKS = `
import http.client, socket, urllib.request

def attempt(ask):
    try:
        return ask()
    except Exception as error:
        text = getattr(error, "read", lambda: b"")()
        return "%s %s" % (error, text.decode().strip())

def plain(url):
    return lambda: urllib.request.urlopen(url, timeout=10).read().decode()

def tunnel(host):
    def ask():
        proxy = http.client.HTTPConnection("127.0.0.1", int(os.environ["https_proxy"].rsplit(":", 1)[1]), timeout=10)
        proxy.set_tunnel(host, PORT)
        proxy.request("GET", "/by-tunnel")
        return proxy.getresponse().read().decode()
    return ask

def past():
    socket.create_connection(("127.0.0.1", PORT), timeout=2)
    return "reached"

def files():
    said = {
        "plain": attempt(plain("http://files.fixture.test:%d/data" % PORT)),
        "tunnel": attempt(tunnel("files.fixture.test")),
        "other": attempt(plain("http://elsewhere.test:%d/" % PORT)),
        "private": attempt(plain("http://inside.fixture.test:%d/" % PORT)),
        "past": attempt(past),
    }
    return {MODULE + "/said.json": json.dumps(said).encode()}
`

let kit: BuildKit
let server: Server
let port: number
const asked: string[] = []

beforeAll(async () => {
  kit = await createBuildKit()
  server = createServer((request, response) => {
    asked.push(`${request.headers.host?.split(':')[0] ?? ''}${request.url ?? ''}`)
    response.end(`answer to ${request.url ?? ''}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})

afterAll(async () => {
  server.close()
  await kit.close()
})

afterEach(async () => {
  expect(await leftovers(kit)).toEqual([])
})

test('a project with a rule reaches the hosts of its rule through the proxy, and nothing else', async () => {
  const sdist = await customSdist('fixture-net', `PORT = ${port}\n${ASKS}`)
  const report = await buildFixture(kit, 'fixture-net', sdist, {
    network: ['fixture-net=*.fixture.test'],
    proxy: {
      resolve: async (host) => [host === 'inside.fixture.test' ? '192.168.1.1' : '127.0.0.1'],
      isPublic: (address) => address === '127.0.0.1',
      ports: [port]
    }
  })
  const said = JSON.parse(
    (await wheelMembers(kit, report)).get('fixture_net/said.json')?.toString() ?? ''
  ) as object
  expect(said).toMatchObject({
    plain: 'answer to /data',
    tunnel: 'answer to /by-tunnel',
    other: expect.stringContaining('elsewhere.test is not allowed for this project') as string,
    private: expect.stringContaining('is no host of the public network') as string,
    past: expect.stringMatching(/refused|unreachable/) as string
  })
  expect(asked).toEqual(['files.fixture.test/data', 'files.fixture.test/by-tunnel'])
  expect(report.environment.network).toEqual([`files.fixture.test:${port}`])
  const log = logText(kit, report)
  expect(log).toContain(`network: GET "files.fixture.test" port ${port}: 127.0.0.1`)
  expect(log).toMatch(/network: CONNECT "files\.fixture\.test"/)
  expect(log).toMatch(/network: GET "elsewhere\.test" port \d+: refused/)
})

test('the same sdist without a rule has no network and no proxy, and another environment', async () => {
  const sdist = await customSdist(
    'fixture-none',
    'def before(folder):\n    assert "http_proxy" not in os.environ\n'
  )
  const without = await buildFixture(kit, 'fixture-none', sdist, { network: ['other=a.fixture.test'] })
  const withRule = await buildFixture(kit, 'fixture-none', await customSdist('fixture-none', ''), {
    network: ['fixture-none=a.fixture.test']
  })
  expect(without.wheel, logText(kit, without)).toBeDefined()
  expect(withRule.wheel, logText(kit, withRule)).toBeDefined()
  expect(without.environment).not.toHaveProperty('network')
  expect(withRule.environment.network).toEqual([])
  expect(withRule.environment.digest).not.toBe(without.environment.digest)
})

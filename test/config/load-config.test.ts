import { hostname } from 'node:os'
import { describe, expect, test } from 'vitest'
import { resolveConfig } from '../../src/config/load-config.ts'
import { DEFAULT_SETTINGS } from '../../src/config/schema.ts'
import { load } from './given-config.ts'

describe('sources', () => {
  test('without any, the defaults hold, and the node is called as its machine', async () => {
    expect(await load({})).toEqual({ ...DEFAULT_SETTINGS, name: hostname(), dataDir: '/data' })
  })

  const winners = [
    { id: 'file over default', files: { '/data/config.json': { slots: 2 } }, slots: 2 },
    { id: 'a named file', config: '/etc/cw.json', files: { '/etc/cw.json': { slots: 3 } }, slots: 3 },
    {
      id: 'a named file instead of the usual one',
      config: '/etc/cw.json',
      files: { '/etc/cw.json': {}, '/data/config.json': { slots: 2 } },
      slots: 1
    },
    { id: 'a file by variable', env: { COMMONWHEEL_CONFIG: '/x' }, files: { '/x': { slots: 4 } }, slots: 4 },
    {
      id: 'environment over file',
      env: { COMMONWHEEL_SLOTS: '5' },
      files: { '/data/config.json': { slots: 2 } },
      slots: 5
    },
    { id: 'flag over environment', env: { COMMONWHEEL_SLOTS: '5' }, flags: { slots: 6 }, slots: 6 },
    {
      id: 'a flag that was not given says nothing',
      env: { COMMONWHEEL_SLOTS: '5' },
      flags: { slots: undefined },
      slots: 5
    }
  ]
  test.for(winners)('$id', async ({ slots, ...given }) => {
    expect(await load(given)).toMatchObject({ slots })
  })

  test('groups are merged key by key, lists are replaced', async () => {
    const config = await load({
      files: {
        '/data/config.json': { http: { port: 1 }, build: { wallMs: 60_000 }, roles: ['mirror', 'keeper'] }
      },
      env: { COMMONWHEEL_HTTP_HOST: '::1' },
      flags: { roles: ['index', 'index'] }
    })
    expect(config.http).toEqual({ host: '::1', port: 1 })
    expect(config.build).toMatchObject({ wallMs: 60_000, processes: 256 })
    expect(config.roles).toEqual(['index'])
  })

  test('variables become what their setting is', async () => {
    const env = {
      COMMONWHEEL_NAME: 'pi kitchen',
      COMMONWHEEL_LISTEN: '/ip4/0.0.0.0/tcp/1, /ip4/0.0.0.0/tcp/2',
      COMMONWHEEL_MDNS: 'off',
      COMMONWHEEL_ACCEPT_LAN: 'Yes',
      COMMONWHEEL_BUILD_SILENCE_MS: '5000',
      COMMONWHEEL_PYTHONS: '',
      PATH: '/bin',
      COMMONWHEEL_TEST_ANYTHING: 'x'
    }
    expect(await load({ env })).toMatchObject({
      name: 'pi kitchen',
      listen: ['/ip4/0.0.0.0/tcp/1', '/ip4/0.0.0.0/tcp/2'],
      mdns: false,
      acceptLan: true,
      build: { silenceMs: 5000 },
      pythons: []
    })
  })

  test('silence is never allowed for longer than the build itself', async () => {
    const config = await load({ flags: { build: { wallMs: 10_000 } } })
    expect(config.build.silenceMs).toBe(10_000)
  })

  test('a source in hand, for programs that start a node themselves', () => {
    const config = resolveConfig('/data', [{ name: 'a test', values: { http: { port: 0 }, slots: 3 } }])
    expect(config).toMatchObject({ dataDir: '/data', slots: 3, http: { host: '127.0.0.1', port: 0 } })
  })

  test('the result cannot be changed, nor can the defaults through it', async () => {
    const config = await load({})
    expect([config, config.http, config.build, config.listen, config.roles].every(Object.isFrozen)).toBe(true)
    expect((await load({ flags: { http: { port: 1 } } })).http.port).toBe(1)
    expect((await load({})).http.port).toBe(8410)
  })
})

import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/config/config-error.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { type Given, load } from './given-config.ts'

describe('refused', () => {
  const file = (content: unknown): Given => ({ files: { '/data/config.json': content } })
  const refusals: readonly ({ id: string; source: string; problem: string | RegExp; hint?: string } & {
    given: Given
  })[] = [
    {
      id: 'a misspelt key',
      given: file({ rolse: [] }),
      source: '/data/config.json',
      problem: '"rolse" is no setting',
      hint: 'did you mean "roles"?'
    },
    {
      id: 'a misspelt key in a group',
      given: file({ http: { prot: 1 } }),
      source: '/data/config.json',
      problem: '"http.prot" is no setting',
      hint: 'did you mean "port"?'
    },
    {
      id: 'a key like none',
      given: file({ http: { certificate: 1 } }),
      source: '/data/config.json',
      problem: '"http.certificate" is no setting',
      hint: 'there are host, port'
    },
    {
      id: 'the data folder in the file',
      given: file({ dataDir: '/x' }),
      source: '/data/config.json',
      problem: '"dataDir" cannot stand in a file',
      hint: 'every command must find it: use --data, or COMMONWHEEL_DATA_DIR'
    },
    {
      id: 'a file that is no JSON',
      given: file('{ slots: 1 }'),
      source: '/data/config.json',
      problem: /^is no JSON: /
    },
    {
      id: 'a file that is a list',
      given: file([]),
      source: '/data/config.json',
      problem: 'the settings must be a JSON object'
    },
    {
      id: 'a named file that is missing',
      given: { config: '/nowhere' },
      source: '/nowhere',
      problem: 'there is no such file'
    },
    {
      id: 'text for a number',
      given: file({ slots: 'two' }),
      source: '/data/config.json',
      problem: '"slots": must be a whole number, not "two"'
    },
    {
      id: 'half a number',
      given: file({ slots: 1.5 }),
      source: '/data/config.json',
      problem: '"slots": must be a whole number, not 1.5'
    },
    {
      id: 'too few',
      given: file({ slots: 0 }),
      source: '/data/config.json',
      problem: '"slots": must be at least 1, not 0'
    },
    {
      id: 'null',
      given: file({ name: null }),
      source: '/data/config.json',
      problem: '"name": must be text, not null'
    },
    {
      id: 'text for a list',
      given: file({ roles: 'build' }),
      source: '/data/config.json',
      problem: '"roles": must be a list, not "build"'
    },
    {
      id: 'text for a group',
      given: file({ http: ':80' }),
      source: '/data/config.json',
      problem: '"http": must be an object, not ":80"'
    },
    {
      id: 'a role that is none',
      given: { env: { COMMONWHEEL_ROLES: 'build baker' } },
      source: 'the environment',
      problem: 'COMMONWHEEL_ROLES: must be one of build, index, mirror, keeper, not "baker"'
    },
    {
      id: 'a variable that is none',
      given: { env: { COMMONWHEEL_HTTP_PROT: '1' } },
      source: 'COMMONWHEEL_HTTP_PROT',
      problem: 'there is no such setting',
      hint: 'did you mean COMMONWHEEL_HTTP_PORT?'
    },
    {
      id: 'a variable like none',
      given: { env: { COMMONWHEEL_X: '1' } },
      source: 'COMMONWHEEL_X',
      problem: 'there is no such setting',
      hint: 'docs/configuration.md lists them all'
    },
    {
      id: 'a variable that is no number',
      given: { env: { COMMONWHEEL_HTTP_PORT: '80a' } },
      source: 'the environment',
      problem: 'COMMONWHEEL_HTTP_PORT: must be a whole number, not "80a"'
    },
    {
      id: 'a variable that is no yes or no',
      given: { env: { COMMONWHEEL_MDNS: 'maybe' } },
      source: 'the environment',
      problem: 'COMMONWHEEL_MDNS: must be true or false, not "maybe"'
    },
    {
      id: 'a port that is none',
      given: { flags: { http: { port: 70_000 } } },
      source: 'the command line',
      problem: '--http: must be at most 65535, not 70000'
    },
    {
      id: 'an address that is none',
      given: { flags: { listen: ['0.0.0.0:4710'] } },
      source: 'the command line',
      problem: '--listen: an address looks like /ip4/0.0.0.0/tcp/4710, not "0.0.0.0:4710"'
    },
    {
      id: 'a member address that is none',
      given: file({ bootstrap: ['pi.local'] }),
      source: '/data/config.json',
      problem: '"bootstrap": an address looks like /ip4/192.168.1.20/tcp/4710/p2p/12D3KooW…, not "pi.local"'
    },
    {
      id: 'an index that is none',
      given: { flags: { upstream: 'ftp://index.invalid/' } },
      source: 'the command line',
      problem: '--upstream: must be an http or https URL, not "ftp://index.invalid/"'
    },
    {
      id: 'a name of several lines',
      given: { flags: { name: 'a\nb' } },
      source: 'the command line',
      problem: '--name: must be one line of text, not "a\\nb"'
    },
    {
      id: 'a name too long',
      given: { flags: { contact: 'x'.repeat(1_001) } },
      source: 'the command line',
      problem: /^--contact: must be at most 1000 characters, not "x+…$/
    },
    {
      id: 'no path',
      given: { flags: { pythons: [''] } },
      source: 'the command line',
      problem: '--python: a path is missing, not ""'
    },
    {
      id: 'a user that is none',
      given: file({ buildUser: 'a b' }),
      source: '/data/config.json',
      problem: '"buildUser": must be the name or number of a user, not "a b"'
    },
    {
      id: 'a data folder without a name',
      given: { data: '' },
      source: '--data',
      problem: 'the data folder has no name'
    }
  ]
  test.for(refusals)('$id', async ({ given, source, problem, hint }) => {
    const error = await load(given).then(
      () => undefined,
      (thrown: unknown) => thrown
    )
    expect(error).toBeInstanceOf(ConfigError)
    const { detail } = error as ConfigError
    expect(detail.source).toBe(source)
    if (typeof problem === 'string') expect(detail.problem).toBe(problem)
    else expect(detail.problem).toMatch(problem)
    if (hint !== undefined) expect(detail.hint).toBe(hint)
  })

  test('a file that cannot be read', async () => {
    const readFile = (): Promise<never> => Promise.reject(new Error('EACCES: permission denied'))
    await expect(
      loadConfig({ flags: { data: '/d', settings: {} }, env: {}, readFile })
    ).rejects.toMatchObject({
      detail: { source: '/d/config.json', problem: 'cannot be read: EACCES: permission denied' }
    })
  })
})

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findIndexUrl, parsePipConfigList } from '../../src/upstream/pip-config.ts'
import { freshVenv } from '../support/fresh-venv.ts'

let folder = ''
/** A Python that has pip for certain: Debian ships the two apart. */
let python = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'commonwheel-pip-'))
  python = (await freshVenv('python3', join(folder, 'venv'))).python
}, 60_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

/** pip with no configuration but the given file: PIP_CONFIG_FILE=/dev/null turns even that off. */
function bareEnvironment(extra: Record<string, string> = {}): Record<string, string | undefined> {
  return { PATH: process.env['PATH'], HOME: folder, PIP_CONFIG_FILE: '/dev/null', ...extra }
}

async function configFile(text: string): Promise<string> {
  const path = join(folder, `pip-${text.length}.conf`)
  await writeFile(path, text)
  return path
}

describe('the index that pip would use', () => {
  test('from the environment, without asking pip', async () => {
    const env = { PIP_INDEX_URL: 'http://127.0.0.1:9/root/simple' }
    expect(await findIndexUrl('/nonexistent/python', env)).toBe('http://127.0.0.1:9/root/simple/')
  })

  test('from a configuration file; the section of the command wins', async () => {
    const global = await configFile('[global]\nindex-url = https://one.test/simple/\n')
    expect(await findIndexUrl(python, bareEnvironment({ PIP_CONFIG_FILE: global }))).toBe(
      'https://one.test/simple/'
    )
    const both = await configFile(
      '[global]\nindex-url = https://one.test/\n[install]\nindex-url = https://two.test/x\n'
    )
    expect(await findIndexUrl(python, bareEnvironment({ PIP_CONFIG_FILE: both }))).toBe('https://two.test/x/')
  })

  test('else what is built into pip', async () => {
    const url = await findIndexUrl(python, bareEnvironment())
    expect(url).toMatch(/^https:\/\/[^/]+\/simple\/$/)
  })

  const refused: readonly { id: string; given?: string; env: Record<string, string>; says: string }[] = [
    {
      id: 'no such Python',
      given: '/nonexistent/python',
      env: {},
      says: 'failed; name the index with --upstream'
    },
    { id: 'no-index', env: { PIP_NO_INDEX: '1' }, says: 'told to use no index' },
    {
      id: 'a folder',
      env: { PIP_INDEX_URL: 'file:///srv/index' },
      says: 'no http URL: file:'
    },
    { id: 'no URL', env: { PIP_INDEX_URL: 'somewhere' }, says: 'no http URL: somewhere' }
  ]
  test.for(refused)('refused: $id', async ({ given, env, says }) => {
    const answer = findIndexUrl(given ?? python, bareEnvironment(env))
    await expect(answer).rejects.toMatchObject({ code: 'UPSTREAM_UNCONFIGURED' })
    await expect(answer).rejects.toThrow(says)
  })

  test('lines of pip config list', () => {
    const listed = parsePipConfigList(
      `:env:.index-url='https://a.test/simple'\nglobal.cert="/it's/here"\nnonsense\nglobal.timeout='15'\r\n`
    )
    expect([...listed]).toEqual([
      [':env:.index-url', 'https://a.test/simple'],
      ['global.cert', "/it's/here"],
      ['global.timeout', '15']
    ])
  })
})

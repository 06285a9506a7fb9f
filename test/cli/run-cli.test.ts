import { mkdir, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { apiFilePath, writeApiFile } from '../../src/config/api-file.ts'
import { apiError } from '../../src/http/api-error.ts'
import { NodeError } from '../../src/node/node-error.ts'
import { FakeTerminal, run, serve, tempFolder } from './cli-fixtures.ts'

describe('usage', () => {
  const cases = [
    { words: ['--help'], code: 0, says: 'First steps' },
    { words: ['--version'], code: 0, says: '1.2.3' },
    { words: ['help', 'want'], code: 0, says: 'commonwheel want numpy --wait' },
    { words: ['join', '--help'], code: 0, says: 'Without a ticket' },
    { words: [], code: 2, says: 'Usage: commonwheel' },
    { words: ['statsu'], code: 2, says: 'Did you mean status?' },
    { words: ['status', '--jsn'], code: 2, says: 'Did you mean --json?' },
    { words: ['status', 'extra'], code: 2, says: 'too many arguments' },
    { words: ['why'], code: 2, says: "missing required argument 'name'" },
    { words: ['invite', '--ttl', 'soon'], code: 2, says: '90s, 30m, 24h or 7d' },
    { words: ['invite', '--ttl', '0h'], code: 2, says: '90s, 30m, 24h or 7d' },
    { words: ['invite', '--uses', '0'], code: 2, says: 'whole number' },
    { words: ['jobs', '--state', 'done'], code: 2, says: 'Allowed choices are queued' },
    { words: ['want'], code: 2, says: 'nothing is asked for' },
    { words: ['want', './numpy'], code: 2, says: 'not a file or URL' },
    { words: ['want', 'numpy==='], code: 2, says: 'SPEC:' },
    { words: ['want', 'numpy', '--target', 'cp313'], code: 2, says: 'a target looks like cp313-linux' },
    { words: ['want', '-r', '/nowhere/requirements.txt'], code: 2, says: '-r /nowhere/requirements.txt' },
    { words: ['why', 'numpy>=2'], code: 2, says: 'give one version' },
    { words: ['status', '--data', ''], code: 2, says: 'the data folder has no name' }
  ]
  test.for(cases)('$words → $code', async ({ words, code, says }) => {
    const ran = await run(words)
    expect(ran.stdout + ran.stderr).toContain(says)
    expect(ran.code).toBe(code)
    expect(code === 0 ? ran.stderr : ran.stdout).toBe('')
  })
})

describe('a node that is not there', () => {
  test('no file: the folder and the cure are named', async () => {
    const folder = await tempFolder()
    const ran = await run(['status', '--data', folder])
    expect(ran).toMatchObject({ code: 1, stdout: '' })
    expect(ran.stderr).toBe(
      `commonwheel: no node runs with the data folder ${folder}\n` +
        `  start it with: ./commonwheel join, or name its folder with --data DIR${ran.stderr.includes('root') ? "; root's node has /var/lib/commonwheel: try sudo" : ''}\n`
    )
  })

  test('a file of a node that ended without a word', async () => {
    const node = await serve()
    await node.stop()
    const ran = await node.run(['nodes'])
    expect(ran).toMatchObject({ code: 1, stdout: '' })
    expect(ran.stderr).toContain(`no node answers at ${node.file.url} (it was process 4242)`)
    expect(ran.stderr).toContain('./commonwheel join')
  })

  test('a file that is something else', async () => {
    const folder = await tempFolder()
    await writeFile(apiFilePath(folder), 'hello')
    const ran = await run(['status', '--data', folder])
    expect(ran.code).toBe(2)
    expect(ran.stderr).toContain('restart the node')
  })

  test('a file that cannot be read', async () => {
    const folder = await tempFolder()
    await mkdir(apiFilePath(folder))
    const ran = await run(['status', '--data', folder])
    expect(ran.code).toBe(2)
    expect(ran.stderr).toContain('cannot be read (EISDIR)')
  })

  test('something else on its port', async () => {
    const node = await serve()
    await writeApiFile(node.dataDir, { ...node.file, url: `${node.file.url}simple/` })
    const ran = await node.run(['status'])
    expect(ran.code).toBe(1)
    expect(ran.stderr).toContain('is no Commonwheel node')
  })

  test('COMMONWHEEL_DATA_DIR leads to it as --data does', async () => {
    const node = await serve()
    expect(await run(['nodes'], { env: { COMMONWHEEL_DATA_DIR: node.dataDir } })).toMatchObject({ code: 0 })
  })
})

describe('refusals', () => {
  test('a wrong token changes nothing and says why', async () => {
    const node = await serve({}, 'another token')
    for (const words of [['want', 'numpy'], ['invite'], ['leave']]) {
      const ran = await node.run(words)
      expect(ran).toMatchObject({ code: 1, stdout: '' })
      expect(ran.stderr).toContain('does not take the token')
    }
    expect(node.control.calls).toEqual([])
    expect(await node.run(['status'])).toMatchObject({ code: 0 })
  })

  test('what the node refuses comes with its hint', async () => {
    const node = await serve()
    node.control.want = () => Promise.reject(apiError('CONFLICT', 'this node is leaving', 'ask another one'))
    expect(await node.run(['want', 'numpy'])).toEqual({
      code: 1,
      stdout: '',
      stderr: 'commonwheel: this node is leaving\n  ask another one\n'
    })
  })

  test('a fault of the node is one line, with --debug a stack', async () => {
    const node = await serve()
    node.control.nodes = () => Promise.reject(new Error('boom'))
    expect((await node.run(['nodes'])).stderr).toBe(
      'commonwheel: this node failed to answer\n  its log says why\n'
    )
    expect((await node.run(['nodes', '--debug'])).stderr).toContain('at ')
  })

  test('a fault of ours is one line, too', async () => {
    const loadNode = (): Promise<never> => Promise.reject(new Error('first line\nsecond line'))
    const ran = await run(['join', '--data', await tempFolder()], { loadNode })
    expect(ran).toMatchObject({ code: 1, stderr: 'commonwheel: first line\n' })
  })

  test('a port that is taken comes with the cure, however deep the error lies', async () => {
    const taken = Object.assign(new Error('listen EADDRINUSE: 127.0.0.1:8410'), { code: 'EADDRINUSE' })
    const loadNode = (): Promise<never> => Promise.reject(new Error('could not start http', { cause: taken }))
    const ran = await run(['join', '--data', await tempFolder()], { loadNode })
    expect(ran.stderr).toContain('could not start http\n  another program has that port')
  })

  test('a coded refusal becomes words, and its cure the hint', async () => {
    const cure = 'leave it first'
    const refusal = new NodeError({ code: 'NODE_ALREADY_MEMBER', mesh: 'garden', cure })
    const ran = await run(['join', '--data', await tempFolder()], { loadNode: () => Promise.reject(refusal) })
    expect(ran).toMatchObject({
      code: 1,
      stderr: `commonwheel: node already member (mesh: garden)\n  ${cure}\n`
    })
  })

  test('Ctrl-C ends a command that waits', async () => {
    const node = await serve()
    const interrupt = new AbortController()
    node.control.nodes = () => {
      interrupt.abort(new Error('interrupted'))
      return new Promise(() => undefined)
    }
    expect(await node.run(['nodes'], { signal: interrupt.signal })).toMatchObject({
      code: 1,
      stderr: 'commonwheel: interrupted\n'
    })
  })
})

test('colours only on a terminal that wants them', async () => {
  const node = await serve()
  const colours = async (isTTY: boolean, env: Record<string, string>): Promise<boolean> => {
    const stdout = new FakeTerminal(isTTY)
    await node.run(['nodes'], { stdout, env })
    return stdout.text.includes('\u001b[')
  }
  expect(await colours(true, {})).toBe(true)
  expect(await colours(true, { NO_COLOR: '1' })).toBe(false)
  expect(await colours(true, { TERM: 'dumb' })).toBe(false)
  expect(await colours(false, {})).toBe(false)
})

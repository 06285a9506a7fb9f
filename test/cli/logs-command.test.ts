import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import type { JobView } from '../../src/http/api-types.ts'
import { CP311, CP313, aJobView } from '../http/http-fixtures.ts'
import { FakeTerminal, serve } from './cli-fixtures.ts'

describe('logs', () => {
  const LOG = 'line 1\r\n\u001b[31mred\u001b[0m\ttab\u0007\n'
  const digest = sha256Hex('log')
  const job = (version: string, target: string, over: Partial<JobView> = {}): JobView =>
    aJobView({
      id: `doc-opt==${version}@${target}`,
      project: 'doc-opt',
      version,
      target,
      state: 'built',
      log: digest,
      ...over
    })

  async function withJobs(jobs: readonly JobView[]) {
    const open = async () => ({
      size: 0,
      chunks: (async function* () {
        yield gzipSync(LOG)
      })()
    })
    const node = await serve({ logs: { has: (asked) => asked === digest, open } })
    node.control.jobs = async (filter) => (node.control.calls.push(filter), jobs)
    return node
  }

  test('by project, version, or whole id, as the build wrote it', async () => {
    const node = await withJobs([job('0.6.2', CP311)])
    for (const text of ['Doc_Opt', 'doc-opt==0.6', `doc.opt==0.6.2@${CP311}`]) {
      expect(await node.run(['logs', text])).toEqual({ code: 0, stdout: LOG, stderr: '' })
    }
    expect(node.control.calls[0]).toEqual({ project: 'doc-opt', limit: 5000 })
  })

  test('what steers a terminal does not reach one', async () => {
    const node = await withJobs([job('0.6.2', CP311)])
    const stdout = new FakeTerminal(true)
    await node.run(['logs', 'doc-opt'], { stdout })
    expect(stdout.text).toBe('line 1\n[31mred[0m\ttab\n')
  })

  test('--json has the job and the digest', async () => {
    const { stdout } = await (await withJobs([job('0.6.2', CP311)])).run(['logs', 'doc-opt', '--json'])
    expect(JSON.parse(stdout)).toEqual({ job: `doc-opt==0.6.2@${CP311}`, log: digest, text: LOG })
  })

  test('several jobs: their common log, or the question which', async () => {
    const shared = await withJobs([job('0.6.2', CP311), job('0.6.2', CP313)])
    expect(await shared.run(['logs', 'doc-opt'])).toMatchObject({ code: 0 })
    const other = await withJobs([job('0.6.2', CP311), job('0.6.1', CP313, { log: sha256Hex('other') })])
    const asked = await other.run(['logs', 'doc-opt'])
    expect(asked).toMatchObject({ code: 1, stdout: '' })
    expect(asked.stderr).toContain(`say which: doc-opt==0.6.2@${CP311}  doc-opt==0.6.1@${CP313}`)
    expect(await other.run(['logs', 'doc-opt==0.6.2'])).toMatchObject({ code: 0 })
  })

  const missing: readonly { id: string; over: Partial<JobView>; says: string }[] = [
    { id: 'running', over: { state: 'building' }, says: 'is being built' },
    { id: 'not yet built', over: { state: 'queued', reason: 'waits' }, says: 'has no log: it is queued' }
  ]
  test.for(missing)('no log: $id', async ({ over, says }) => {
    const without = aJobView({ id: `doc-opt==1.0@${CP311}`, project: 'doc-opt', ...over })
    const ran = await (await withJobs([without])).run(['logs', 'doc-opt'])
    expect(ran.code).toBe(1)
    expect(ran.stderr).toContain(says)
  })

  test('no such job, and a log that nobody holds', async () => {
    expect((await (await withJobs([])).run(['logs', 'doc-opt'])).stderr).toContain('there is no job doc-opt')
    const gone = await withJobs([job('1.0', CP311, { log: sha256Hex('gone') })])
    expect((await gone.run(['logs', 'doc-opt'])).stderr).toContain(
      'the log cannot be had: This mesh has no such log.'
    )
  })
})

import { expect, test } from 'vitest'
import type { AskAnswer } from '../../src/http/demand.ts'
import { CP311, testApp } from './http-fixtures.ts'
import { somePeople } from './people-fixtures.ts'

const ASKED: AskAnswer = { kind: 'asked', targets: [CP311], reason: 'demo 1.0 was asked for.' }

async function press(
  answer: AskAnswer,
  headers: Readonly<Record<string, string>> = {},
  path = '/project/demo/ask'
): Promise<{ response: Response; text: string; asked: readonly string[] }> {
  const asked: string[] = []
  const people = somePeople({ ask: async (project) => (asked.push(project), answer) })
  const response = await testApp({ people }).app.request(`http://pi.local:8080${path}`, {
    method: 'POST',
    headers: { host: 'pi.local:8080', accept: 'text/html', ...headers }
  })
  return { response, text: await response.text(), asked }
}

test.for([
  { answer: ASKED, status: 202, title: 'The mesh was asked' },
  { answer: { kind: 'already', reason: 'It is in the queue.' }, status: 200, title: 'Nothing more to ask' },
  {
    answer: { kind: 'refused', code: 'off', reason: 'No wishes.' },
    status: 403,
    title: 'could not be asked'
  },
  { answer: { kind: 'refused', code: 'busy', reason: 'Later.' }, status: 429, title: 'could not be asked' },
  {
    answer: { kind: 'refused', code: 'unknown', reason: 'Unknown.' },
    status: 404,
    title: 'could not be asked'
  },
  {
    answer: { kind: 'refused', code: 'nothing-to-build', reason: 'Nothing.' },
    status: 409,
    title: 'could not be asked'
  }
] as const)('$answer.kind $answer.code is a page of status $status', async ({ answer, status, title }) => {
  const { response, text, asked } = await press(answer)
  expect(response.status).toBe(status)
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(response.headers.has('retry-after')).toBe(status === 429)
  expect(text).toContain(title)
  expect(text).toContain(answer.reason)
  expect(text).toContain('<a href="../demo">Back to demo</a>')
  expect(asked).toEqual(['demo'])
})

test('a program gets the answer as JSON', async () => {
  const { text } = await press(ASKED, { accept: 'application/json' })
  expect(JSON.parse(text)).toEqual(ASKED)
})

test.for([
  { id: 'no browser', headers: {} },
  { id: 'a form of this node', headers: { origin: 'http://pi.local:8080' } },
  {
    id: 'the same, behind a proxy',
    headers: { origin: 'https://wheels.example', 'sec-fetch-site': 'same-origin' }
  }
])('taken from $id', async ({ headers }) => {
  expect((await press(ASKED, headers)).response.status).toBe(202)
})

test.for([
  { id: 'a page of another site', headers: { origin: 'https://evil.example' } },
  { id: 'a page without an origin', headers: { origin: 'null' } },
  { id: 'another port of this host', headers: { origin: 'http://pi.local:9090' } },
  { id: 'another site by its own word', headers: { 'sec-fetch-site': 'cross-site' } },
  { id: 'a sibling site', headers: { 'sec-fetch-site': 'same-site', origin: 'http://pi.local:8080' } }
])('refused from $id, and nobody is asked', async ({ headers }) => {
  const { response, asked } = await press(ASKED, headers)
  expect(response.status).toBe(403)
  expect(asked).toEqual([])
})

test('a name that is none is asked of nobody; a look at the address leads back to the project', async () => {
  expect((await press(ASKED, {}, '/project/..%2Fx/ask')).asked).toEqual([])
  const response = await testApp().app.request('/project/Demo/ask')
  expect([response.status, response.headers.get('location')]).toEqual([301, '../demo'])
})

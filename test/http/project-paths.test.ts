import { expect, test } from 'vitest'
import { normalizeName } from '../../src/core/distribution.ts'
import type { ProjectView } from '../../src/http/project-view.ts'
import { testApp } from './http-fixtures.ts'
import { aView } from './project-fixtures.ts'

function appWith(view: ProjectView) {
  return testApp({ projects: { view: async (name) => (name === view.name ? view : undefined) } }).app
}

test.for([
  { path: '/project/De.Mo', name: 'de-mo', to: 'de-mo' },
  { path: '/project/De.Mo/json', name: 'de-mo', to: '../de-mo/json' },
  { path: '/project/Demo/', name: 'demo', to: '../demo' },
  { path: '/project/demo/json/', name: 'demo', to: '../json' }
])('$path is moved to $to', async ({ path, name, to }) => {
  const response = await appWith(aView({ name: normalizeName(name) })).request(path)
  expect([response.status, response.headers.get('location')]).toEqual([301, to])
})

test.for([
  '/project/unknown',
  '/project/unknown/json',
  '/project/..%2Fx',
  '/project/..%2Fx/',
  '/project/%00/json'
])('%s is not found', async (path) => {
  expect((await appWith(aView()).request(path)).status).toBe(404)
})

test('a project that nobody has seen is a 503 while upstream is away', async () => {
  const view = (): Promise<never> => Promise.reject(new Error('no route'))
  const { app } = testApp({ projects: { view } })
  for (const path of ['/project/demo', '/project/demo/json']) {
    const response = await app.request(path)
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '30'])
  }
})

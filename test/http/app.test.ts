import { expect, test } from 'vitest'
import { testApp } from './http-fixtures.ts'
import { aHome, somePeople } from './people-fixtures.ts'

test('the front page tells what this is, in HTML for browsers and as text for others', async () => {
  const { app } = testApp()
  const page = await app.request('http://127.0.0.1:8080/', { headers: { accept: 'text/html,*/*;q=0.8' } })
  const text = await app.request('http://127.0.0.1:8080/', { headers: { accept: '*/*' } })
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(text.headers.get('content-type')).toBe('text/plain; charset=utf-8')
  for (const body of [await page.text(), await text.text()]) {
    expect(body).toContain('garden')
    expect(body).toContain('pi-kitchen')
    expect(body).toContain('pip install --index-url http://127.0.0.1:8080/simple/ PROJECT')
    expect(body).toMatch(/1 build runs, 4 more wait; 2 builds failed/)
  }
})

test('beyond loopback, pip must be told to trust the host', async () => {
  const text = await (await testApp().app.request('http://pi.local:8080/')).text()
  expect(text).toContain('--index-url http://pi.local:8080/simple/ --trusted-host pi.local PROJECT')
})

test('a mesh may have any name', async () => {
  const home = { home: async () => aHome({ mesh: '<script>alert(1)</script>' }) }
  const { app } = testApp({ people: somePeople({ home }) })
  const page = await (await app.request('/', { headers: { accept: 'text/html' } })).text()
  expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
  expect(page).not.toContain('<script>')
})

test('health is 200 or 503, with the reasons', async () => {
  expect((await testApp().app.request('/health')).status).toBe(200)
  const { parts } = testApp()
  const sick = { ...parts.health, health: async () => ({ ok: false, problems: ['disk full'] }) }
  const response = await testApp({ health: sick }).app.request('/health')
  expect([response.status, await response.json()]).toEqual([503, { ok: false, problems: ['disk full'] }])
})

test('metrics are whatever the port says', async () => {
  const response = await testApp().app.request('/metrics')
  expect([response.headers.get('content-type'), await response.text()]).toEqual([
    'text/plain; version=0.0.4',
    'up 1\n'
  ])
})

test.for(['/favicon.ico', '/.git/config', '/simple/../../x', '/api'])('%s is a plain 404', async (path) => {
  expect((await testApp().app.request(path)).status).toBe(404)
})

test('a fault is a 500 that tells nothing of the inside', async () => {
  const home = { home: () => Promise.reject(new Error('secret')) }
  const { app } = testApp({ people: somePeople({ home }) })
  const response = await app.request('/')
  expect(response.status).toBe(500)
  expect(await response.text()).not.toContain('secret')
})

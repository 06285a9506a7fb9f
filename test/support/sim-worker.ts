import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const require = createRequire(import.meta.url)
const tsx = new URL('dist/esm/api/index.mjs', pathToFileURL(require.resolve('tsx/package.json')))
const worker = new URL('../../src/node/sim-worker.ts', import.meta.url)
const code = `
import { register } from ${JSON.stringify(tsx.href)}
register()
await import(${JSON.stringify(worker.href)})
`

/** src/node/sim-worker.ts for a thread of a test, where nothing is compiled: a thread does not inherit what loads TypeScript. */
export const SIM_WORKER = new URL(`data:text/javascript,${encodeURIComponent(code)}`)

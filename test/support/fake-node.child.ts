import '../../src/node/polyfills.ts'
import { join } from 'node:path'
import type { setupBuilder } from '../../src/node/setup-builder.ts'
import { createFakeBuilder, FAKE_TARGET } from './fake-builder.ts'
import { runWithBuilder } from './run-with-builder.ts'
import { dialThroughProxies } from './through-proxies.ts'

/*
 * `commonwheel` in every respect but one: it builds with a clock in place of a compiler. FAKE_BUILD_MS=MIN-MAX says how long,
 * FAKE_WHEEL_KIB=MIN-MAX how large its wheels are; FAKE_PROXIES says which ports of loopback are reached through which others,
 * where a cut needs a proxy.
 */

const [minMs = 1_000, maxMs = minMs] = (process.env['FAKE_BUILD_MS'] ?? '').split('-').map(Number)
const [minKiB = 0, maxKiB = minKiB] = (process.env['FAKE_WHEEL_KIB'] ?? '').split('-').map(Number)
dialThroughProxies(process.env['FAKE_PROXIES'])

const setUpFakeBuilder: typeof setupBuilder = async ({ dataDir, name }, { blobs }) => ({
  builder: createFakeBuilder(blobs, {
    label: name,
    bookFile: join(dataDir, 'book.ndjson'),
    minMs,
    maxMs,
    ...(minKiB > 0 && { wheelKiB: [minKiB, maxKiB] as const })
  }),
  targets: [FAKE_TARGET],
  refusal: undefined
})

process.exit(await runWithBuilder(setUpFakeBuilder))

import { failureCauses } from '../../src/build/classify-failure.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import type { FeedBuild } from '../../src/http/feed-routes.ts'
import type { HomeView } from '../../src/http/front-page.ts'
import type { PeopleParts } from '../../src/http/people-routes.ts'

const LOG = sha256Hex('log')
const BUILDER = '12D3KooWEtQhQWVDs2jyLbmfVcqbNg1ws3rLVYBjGp8gWeDcPg6v'
const CP311 = 'cp311-linux_armv7l-glibc2.36'

const BUILD: FeedBuild = {
  recordId: 'r1:0',
  job: `demo==1.0@${CP311}`,
  project: 'demo',
  version: '1.0',
  target: CP311,
  builder: BUILDER,
  label: 'pi-kitchen',
  finishedMs: 1_767_225_600_000,
  durationMs: 83_000,
  log: LOG
}

export function aBuild(over: Partial<FeedBuild> = {}): FeedBuild {
  const wheel = {
    filename: 'demo-1.0-cp311-cp311-linux_armv7l.whl',
    sha256: sha256Hex('wheel'),
    size: 123_456
  }
  return { ...BUILD, wheel, ...over }
}

/** A build of the same that failed. */
export function aFailedBuild(over: Partial<FeedBuild> = {}): FeedBuild {
  const failure = {
    class: 'missing-dependency',
    cause: 'missing-header',
    reason: 'the header ffi.h is missing: apt install libffi-dev'
  }
  return { ...BUILD, failure, ...over }
}

export function aHome(over: Partial<HomeView> = {}): HomeView {
  return {
    mesh: 'garden',
    node: 'pi-kitchen',
    version: '0.1.0',
    nowMs: 1_767_225_900_000,
    nodes: { known: 3, here: 2 },
    wheels: 12,
    queue: { building: 1, waiting: 4, failed: 2 },
    targets: [CP311],
    newest: [aBuild()],
    ...over
  }
}

/** Pages of a small mesh; any part can be replaced. */
export function somePeople(over: Partial<PeopleParts> = {}): PeopleParts {
  return {
    home: { home: async () => aHome() },
    search: { find: async () => ({ projects: [], known: 0 }) },
    feeds: {
      meshId: sha256Hex('mesh'),
      mesh: 'garden',
      createdMs: 1_767_000_000_000,
      wheels: () => [],
      failures: () => []
    },
    builds: { ofLog: () => [] },
    causes: failureCauses(),
    ask: async () => ({
      kind: 'refused',
      code: 'off',
      reason: 'The owner of this node takes no such wishes.'
    }),
    ...over
  }
}

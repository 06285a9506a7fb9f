import type { HomeSource, HomeView, NewBuildView } from '../http/front-page.ts'
import type { FeedSource } from '../http/feed-routes.ts'
import type { NodeId } from '../core/ids.ts'
import type { MeshViewParts } from './mesh-views.ts'

/** New wheels that the home page names. */
const SHOWN_BUILDS = 8

/** What a visitor sees first. */
export function createHomeSource(parts: MeshViewParts, feeds: Pick<FeedSource, 'wheels'>): HomeSource {
  const { state, self, clock, coordination } = parts
  return {
    async home(): Promise<HomeView> {
      const own = state.nodes.get(self)
      const members = state.membership.all()
      const nowMs = clock.monotonicMs()
      const isHere = (node: NodeId): boolean => node === self || coordination.presence.isPresent(node, nowMs)
      return {
        mesh: state.genesis.name,
        node: own?.label ?? self,
        version: own?.software ?? '',
        nowMs: clock.wallMs(),
        nodes: { known: members.length, here: members.filter(({ node }) => isHere(node)).length },
        ...tally(parts),
        targets: state.nodes.targets().map(({ id }) => id),
        newest: feeds.wheels(SHOWN_BUILDS).map((build): NewBuildView => ({
          ...build,
          label: build.label === '' ? build.builder.slice(-8) : build.label
        }))
      }
    }
  }
}

/** One walk over the board: a wheel that serves several targets is one. */
function tally({ board, coordination, clock }: MeshViewParts): Pick<HomeView, 'wheels' | 'queue'> {
  const wheels = new Set<string>()
  const queue = { building: 0, waiting: 0, failed: 0 }
  const nowMs = clock.monotonicMs()
  for (const { id, state } of board.rows()) {
    if (state.kind === 'built') wheels.add(state.wheel.sha256)
    else if (state.kind === 'failed') queue.failed++
    else if (state.kind === 'open') {
      const isRunning =
        coordination.claimOn(id) !== undefined || coordination.presence.whoRuns(id, nowMs) !== undefined
      queue[isRunning ? 'building' : 'waiting']++
    }
  }
  return { wheels: wheels.size, queue }
}

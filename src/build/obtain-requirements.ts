import { sha256Hex } from '../core/digest.ts'
import type { BuildRun } from './build-run.ts'
import { unsafeRequirement } from './build-system.ts'
import type { ReadyEnvironment } from './environment-cache.ts'
import { fetchRequirements, type Fetch } from './fetch-requirements.ts'
import { makeEnvironment } from './make-environment.ts'
import { pinLine, type Pin } from './pins.ts'
import type { RequirementCaches } from './requirement-caches.ts'
import type { Question } from './resolutions.ts'
import { done, failed, type Step } from './step.ts'
import type { CachedWheel } from './wheel-cache.ts'
import { parseWheelName } from '../core/wheel-name.ts'
import { basename } from 'node:path'

/** Raised when environments are made in another way. */
const ENVIRONMENT_RECIPE = 'commonwheel-environment-1'

/** What a build is given to build with. */
export interface Requirements {
  /** `name==version sha256:…`, sorted. */
  readonly lines: readonly string[]
  readonly environment: ReadyEnvironment
}

export interface RequirementWish {
  readonly requires: readonly string[]
  /** Wheels to use, if they can be had. */
  readonly pins: readonly Pin[]
  readonly round: number
}

/**
 * The environment for a build, by the shortest way: the pins of the job, else what pip chose lately for the same requirements, else
 * what it chooses now. A pin that cannot be had any more is no end: the next way is taken, and the log says so.
 */
export async function obtainRequirements(
  caches: RequirementCaches,
  run: BuildRun,
  wish: RequirementWish
): Promise<Step<Requirements>> {
  const unsafe = unsafeRequirement(wish.requires)
  if (unsafe !== undefined) {
    const shown = JSON.stringify(unsafe.slice(0, 200))
    return failed('package', 'bad-requirement', `its build requirement ${shown} is no name with versions`)
  }
  const way = new RequirementWay(caches, run, wish)
  const pinned = wish.pins.length === 0 ? undefined : await way.byPins(wish.pins, 'pins of the job')
  if (pinned !== undefined) return pinned
  if (wish.requires.length === 0) return way.install([])
  return (await way.asLately()) ?? way.resolve()
}

/** One round's way to its requirements. */
class RequirementWay {
  readonly #caches: RequirementCaches
  readonly #run: BuildRun
  readonly #wish: RequirementWish

  constructor(caches: RequirementCaches, run: BuildRun, wish: RequirementWish) {
    this.#caches = caches
    this.#run = run
    this.#wish = wish
  }

  /** Undefined when they cannot be had, or do not go together. */
  async byPins(pins: readonly Pin[], what: string): Promise<Step<Requirements> | undefined> {
    const wheels = await this.#pinned(pins)
    const installed = wheels.kind === 'done' ? await this.install(wheels.value) : wheels
    if (installed.kind === 'done') return installed
    const { reason } = installed.failure
    await this.#run.context.log.line(`the ${what} cannot be used, resolving anew: ${reason}`)
    return undefined
  }

  async asLately(): Promise<Step<Requirements> | undefined> {
    if (!this.#mayRemember()) return undefined
    const pins = await this.#caches.resolutions.find(this.#question(), this.#run.context.host.clock.wallMs())
    return pins === undefined ? undefined : this.byPins(pins, 'requirements as chosen lately')
  }

  async resolve(): Promise<Step<Requirements>> {
    const { requires, round } = this.#wish
    const wheels = await this.#fetch({ name: `deps-${round}`, wanted: requires })
    if (wheels.kind === 'failed') return wheels
    const installed = await this.install(wheels.value)
    if (installed.kind === 'done' && this.#mayRemember()) {
      const nowMs = this.#run.context.host.clock.wallMs()
      await this.#caches.resolutions.keep(this.#question(), wheels.value.map(pinOf), nowMs)
    }
    return installed
  }

  async install(wheels: readonly CachedWheel[]): Promise<Step<Requirements>> {
    const { context } = this.#run
    const { target, path, version, pipVersion } = context.interpreter
    const lines = wheels.map((wheel) => pinLine(pinOf(wheel))).sort()
    const key = sha256Hex(JSON.stringify([ENVIRONMENT_RECIPE, target.id, path, version, pipVersion, lines]))
    const environment = await this.#caches.environments.obtain(key, async (folder) =>
      makeEnvironment(context, wheels, folder)
    )
    return environment.kind === 'done' ? done({ lines, environment: environment.value }) : environment
  }

  async #pinned(pins: readonly Pin[]): Promise<Step<readonly CachedWheel[]>> {
    const held = await Promise.all(
      pins.map(async (pin) => ({ pin, wheel: await this.#caches.wheels.find(pin.sha256) }))
    )
    const wheels = held.flatMap(({ wheel }) => wheel ?? [])
    const lacking = held.filter(({ wheel }) => wheel === undefined).map(({ pin }) => pin)
    if (lacking.length === 0) return done(wheels)
    const name = `pins-${this.#wish.round}-${lacking.length}`
    const fetched = await this.#fetch({ name, wanted: { pins: lacking } })
    return fetched.kind === 'failed' ? fetched : done([...wheels, ...fetched.value])
  }

  async #fetch(fetch: Fetch): Promise<Step<readonly CachedWheel[]>> {
    const { context, request, options } = this.#run
    const source = { indexUrl: options.indexUrl(request.job), machine: options.machine }
    const fetched = await fetchRequirements(context, source, fetch)
    if (fetched.kind === 'failed') return fetched
    const wheels: CachedWheel[] = []
    for (const path of fetched.value) {
      if (parseWheelName(basename(path)) !== undefined) wheels.push(await this.#caches.wheels.keep(path))
    }
    return done(wheels)
  }

  #mayRemember(): boolean {
    const { options, request } = this.#run
    return options.mayRemember(request.job)
  }

  #question(): Question {
    const { context, options, request } = this.#run
    const { target, version, pipVersion } = context.interpreter
    const indexUrl = options.indexUrl(request.job)
    return { target: target.id, python: version, pip: pipVersion, indexUrl, requires: this.#wish.requires }
  }
}

function pinOf({ filename, sha256 }: CachedWheel): Pin {
  const wheel = parseWheelName(filename)
  if (wheel === undefined) throw new TypeError(`${filename} is no wheel's name`)
  return { project: wheel.project, version: wheel.version, sha256 }
}

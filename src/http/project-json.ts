import type { CellView, ProjectView, ReleaseView, WheelView } from './project-view.ts'
import { isoSeconds } from './words.ts'

/**
 * A project as JSON. Names and meaning of the fields up to `pip_dependencies` are those of piwheels' project JSON,
 * which other programs read; ours are added beside them. Links are relative to `/project/<name>/json`.
 */
export function projectViewJson(view: ProjectView): string {
  return JSON.stringify({
    package: view.displayName,
    summary: view.summary,
    pypi_url: view.upstreamUrl,
    piwheels_url: `../${view.name}`,
    targets: view.targets,
    releases: Object.fromEntries(view.releases.map((release) => [release.version, releaseJson(release)]))
  })
}

function releaseJson(release: ReleaseView): object {
  return {
    released: release.releasedMs === undefined ? null : secondsUtc(release.releasedMs),
    prerelease: release.prerelease,
    yanked: release.yanked,
    skip_reason: release.skipReason,
    files: Object.fromEntries(release.wheels.map((wheel) => [wheel.filename, wheelJson(wheel)])),
    builds: Object.fromEntries(release.cells.map((cell) => [cell.target, cellJson(cell)]))
  }
}

function wheelJson(wheel: WheelView): object {
  const { abi, platform } = tagsOf(wheel.filename)
  return {
    file_url: `../../files/${wheel.sha256}/${encodeURIComponent(wheel.filename)}`,
    filehash: wheel.sha256,
    filesize: wheel.size,
    builder_abi: wheel.target.split('-')[0],
    file_abi_tag: abi,
    platform,
    requires_python: wheel.requiresPython === '' ? null : wheel.requiresPython,
    apt_dependencies: [...wheel.aptPackages].sort(),
    pip_dependencies: [...wheel.pipDependencies].sort(),
    target: wheel.target,
    builder: wheel.builder,
    log: `../../logs/${wheel.log}`,
    yanked: wheel.yanked,
    import_test: wheel.smoke ?? null,
    suspicious: wheel.suspicious ?? null
  }
}

function cellJson({ state, reason, asked, cause, build, log }: CellView): object {
  return {
    outcome: state,
    reason,
    asked: asked ?? true,
    cause: cause ?? null,
    builder: build?.builder ?? null,
    builder_name: build?.label ?? null,
    finished: build === undefined ? null : secondsUtc(build.finishedMs),
    duration_seconds: build === undefined ? null : Math.round(build.durationMs / 1000),
    log: log === undefined ? null : `../../logs/${log}`
  }
}

/** The last two parts of a wheel's name (PEP 427). */
function tagsOf(filename: string): { readonly abi: string; readonly platform: string } {
  const [platform = '', abi = ''] = filename
    .replace(/\.whl$/, '')
    .split('-')
    .reverse()
  return { abi, platform }
}

/** `YYYY-MM-DD HH:MM:SS`, UTC. */
function secondsUtc(ms: number): string {
  return isoSeconds(ms).replace('T', ' ').replace('Z', '')
}

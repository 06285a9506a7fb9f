import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import type { ProjectView, ReleaseView, WheelView } from '../../src/http/project-view.ts'
import { CP311, CP313 } from './http-fixtures.ts'

export const LOG = sha256Hex('log')

export const BUILD = {
  builder: '12D3KooW',
  label: 'pi-attic',
  finishedMs: 1_767_225_600_000,
  durationMs: 123_000
}

export function aWheel(over: Partial<WheelView> = {}): WheelView {
  return {
    filename: 'demo-1.0-cp311-cp311-linux_armv7l.whl',
    sha256: sha256Hex('wheel'),
    size: 123_456,
    target: CP311,
    requiresPython: '>=3.8',
    aptPackages: ['zlib1g', 'libjpeg62-turbo'],
    pipDependencies: ['six', 'attrs'],
    builder: '12D3KooW',
    log: LOG,
    yanked: false,
    ...over
  }
}

export function aRelease(over: Partial<ReleaseView> = {}): ReleaseView {
  return {
    version: '1.0',
    releasedMs: 1_767_225_600_000,
    prerelease: false,
    yanked: false,
    skipReason: '',
    wheels: [aWheel()],
    cells: [
      { target: CP311, state: 'built', reason: '', build: BUILD, log: LOG },
      { target: CP313, state: 'failed', reason: 'missing header <jpeglib.h>', log: LOG }
    ],
    ...over
  }
}

export function aView(over: Partial<ProjectView> = {}): ProjectView {
  return {
    name: normalizeName('demo'),
    displayName: 'Demo',
    summary: 'Shows things',
    upstreamUrl: 'https://upstream.invalid/project/demo/',
    targets: [CP311, CP313],
    releases: [aRelease()],
    first: 0,
    total: 1,
    ...over
  }
}

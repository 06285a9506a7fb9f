import { fixtureSdist } from '../../test/fixtures/sdists.ts'
import { BACKEND } from '../../test/fixtures/backend-code.ts'
import { makeSdist } from '../../test/fixtures/make-sdist.ts'
import type { FixtureFile, FixtureUpstream } from '../../test/support/fixture-upstream.ts'
import { tinyWheel } from '../../test/support/tiny-wheel.ts'

/** Larger than any buffer on the way, small enough for a hundred downloads. */
export const LARGE_BYTES = 6_000_000
/** Of Python 3.8 or newer, as the builder is: older ones take the release before. */
const NEWER_PYTHON = '>=3.8'
const NO_PYTHON = '>=3.99'

/** The wheels that checks are about. */
export const TOOL = 'mesh_tool-1.1-py2.py3-none-any.whl'
export const LIB = 'mesh_lib-1.5-py2.py3-none-any.whl'
export const LARGE = 'mesh_large-1.0-py2.py3-none-any.whl'
export const PI_WHEEL = 'pi_blink-1.0-py3-none-linux_armv6l.whl'

/** `mesh_lib-1.5-….whl` as a line of a requirements file with its digest. */
export function lineOf(wheel: string, sha256: string): string {
  const [name = '', version = ''] = wheel.split('-')
  return `${name.replaceAll('_', '-')}==${version} --hash=sha256:${sha256}`
}

/** What alpha builds, as specs for `want`. */
export const WANTED = [
  'mesh-tool==1.0',
  'mesh-tool==1.1',
  'mesh-tool==1.2',
  'mesh-lib==1.5',
  'mesh-lib==2.0',
  'mesh-any==1.0',
  'mesh-any==2.0',
  'mesh-needs==1.0',
  'mesh-needs==1.5',
  'mesh-large==1.0',
  'mesh-native==1.0'
]
/** What pi builds: ARMv6 code in a wheel of an ARMv7 builder. */
export const PI_PROJECT = 'pi-blink'

interface Release {
  readonly version: string
  readonly requires?: readonly string[]
  readonly requiresPython?: string
  readonly bytes?: number
}

const RELEASES: Readonly<Record<string, readonly Release[]>> = {
  'mesh-tool': [
    { version: '1.0' },
    { version: '1.1', requires: ['mesh-lib<2'] },
    { version: '1.2', requires: ['mesh-lib<2'] }
  ],
  'mesh-lib': [{ version: '1.5' }, { version: '2.0' }],
  'mesh-any': [
    { version: '1.0', requires: ['mesh-lib'] },
    { version: '2.0', requires: ['mesh-lib>=2'] }
  ],
  'mesh-needs': [
    { version: '1.0' },
    { version: '1.5', requiresPython: NEWER_PYTHON },
    { version: '2.0', requiresPython: NO_PYTHON }
  ],
  'mesh-large': [{ version: '1.0', bytes: LARGE_BYTES }],
  [PI_PROJECT]: [{ version: '1.0' }]
}

/** Everything that upstream has: source archives that only a mesh makes wheels of, and wheels of its own. */
export async function publishProjects(upstream: FixtureUpstream): Promise<void> {
  for (const [project, releases] of Object.entries(RELEASES)) {
    for (const release of releases) upstream.publish(project, await sdistOf(project, release))
  }
  upstream.publish('mesh-native', await fixtureSdist('compiled', { name: 'mesh-native' }))
  for (const [version, yanked] of [
    ['1.0', false],
    ['1.1', 'withdrawn by its author']
  ] as const) {
    const wheel = tinyWheel({ name: 'up_wheel', version, tag: 'py2.py3-none-any', greeting: version })
    upstream.publish('up-wheel', { ...wheel, yanked })
  }
}

/** After it was built: upstream yanks the newest release of mesh-tool. */
export async function yankNewest(upstream: FixtureUpstream): Promise<void> {
  const release = RELEASES['mesh-tool']!.at(-1)!
  upstream.publish('mesh-tool', { ...(await sdistOf('mesh-tool', release)), yanked: 'eats files' })
}

async function sdistOf(project: string, release: Release): Promise<FixtureFile> {
  const { version, requires = [], requiresPython, bytes } = release
  const module = project.replaceAll('-', '_')
  const top = `${module}-${version}`
  const metadata = [
    'Metadata-Version: 2.1',
    `Name: ${project}`,
    `Version: ${version}`,
    ...(requiresPython === undefined ? [] : [`Requires-Python: ${requiresPython}`]),
    ...requires.map((spec) => `Requires-Dist: ${spec}`),
    ''
  ].join('\n')
  const constants = { NAME: project, VERSION: version, MODULE: module, METADATA: metadata, BYTES: bytes ?? 0 }
  const head = Object.entries(constants).map(([name, value]) => `${name} = ${JSON.stringify(value)}`)
  const archive = await makeSdist({
    [`${top}/PKG-INFO`]: metadata,
    [`${top}/pyproject.toml`]:
      '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    [`${top}/backend.py`]: `${head.join('\n')}\n${BACKEND}\n${OWN_CODE}`
  })
  return {
    filename: `${top}.tar.gz`,
    bytes: archive,
    ...(requiresPython === undefined ? {} : { requiresPython })
  }
}

/** Also for Python 2, of which one machine's pip may be; a module that tells its version; bytes that no archive makes smaller. */
const OWN_CODE = `
def metadata():
    return METADATA


def tag():
    return "py2.py3-none-any"


def files():
    made = {MODULE + "/__init__.py": ("version = %r\\n" % VERSION).encode()}
    if BYTES:
        made[MODULE + "/data.bin"] = hashlib.shake_128(MODULE.encode()).digest(BYTES)
    return made
`

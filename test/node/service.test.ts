import { mkdir, readFile, readdir, readlink, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { installService, rollBack, type ServiceParts } from '../../src/node/service/install-service.ts'
import { removeService } from '../../src/node/service/remove-service.ts'
import { createNotifier } from '../../src/node/service/sd-notify.ts'
import type { ServiceHost, ToolAnswer } from '../../src/node/service/service-host.ts'
import { systemPlaces, userPlaces, type ServicePlaces } from '../../src/node/service/service-places.ts'
import { unitText } from '../../src/node/service/unit.ts'
import { tempFolder } from '../support/temp-folder.ts'

const FACTS = {
  scope: 'system',
  node: '/usr/bin/node',
  program: '/opt/c/current',
  dataDir: '/var/lib/commonwheel'
} as const

/** A systemd that starts what does not say "broken". */
class FakeHost implements ServiceHost {
  uid = 0
  booted = true
  readonly told: string[] = []
  readonly programs: string

  constructor(programs: string) {
    this.programs = programs
  }

  readonly hasSystemd = async (): Promise<boolean> => this.booted

  readonly run = async (file: string, args: readonly string[]): Promise<ToolAnswer> => {
    const command = [file, ...args].join(' ')
    this.told.push(command)
    const code = command.includes(' restart ') && (await this.#isBroken()) ? 1 : 0
    const stdout = command.includes(' show ') ? 'LoadState=loaded\nActiveState=inactive\n' : ''
    return { code, stdout, stderr: '' }
  }

  async #isBroken(): Promise<boolean> {
    const main = join(this.programs, 'current', 'dist', 'cli', 'main.js')
    return (await readFile(main, 'utf8')).includes('broken')
  }
}

let root: string
let places: ServicePlaces
let host: FakeHost
let parts: ServiceParts

beforeEach(async () => {
  root = await tempFolder()
  // As the machine's service, but in a folder of the test's own.
  places = { ...userPlaces(root, join(root, 'data')), scope: 'system' }
  host = new FakeHost(places.programs)
  parts = { host, places, onProgress: () => undefined }
})

/** A clone with two packages, one for development only. */
async function aClone(main: string): Promise<string> {
  const clone = join(root, 'clone')
  const lock = {
    packages: {
      '': {},
      'node_modules/used': {},
      'node_modules/used/node_modules/inner': {},
      'node_modules/tool': { dev: true },
      'node_modules/not-for-this-platform': {}
    }
  }
  const files = {
    'dist/cli/main.js': main,
    'config/default.json': '{}',
    'package.json': '{"version":"1.2.3"}',
    'package-lock.json': JSON.stringify(lock),
    LICENSE: 'yes',
    'node_modules/used/index.js': 'used',
    'node_modules/used/node_modules/inner/index.js': 'inner',
    'node_modules/tool/index.js': 'tool',
    'src/cli/main.ts': 'source'
  }
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(clone, path)), { recursive: true })
    await writeFile(join(clone, path), text)
  }
  return clone
}

const install = async (main: string, words?: readonly string[], node = '/usr/bin/node'): Promise<string> => {
  const from = await aClone(main)
  return (await installService(parts, { from, node, ...(words && { words }) })).version
}
const current = async (): Promise<string> => readlink(join(places.programs, 'current'))
const unit = async (): Promise<string> => readFile(places.unitFile, 'utf8')

describe('the unit', () => {
  test('words are escaped as systemd.service(5) says', () => {
    const words = ['--name', 'a "b" \\ 50% $HOME é', '--http', '0.0.0.0:8410', '']
    const line = unitText({ ...FACTS, words })
      .split('\n')
      .find((text) => text.startsWith('ExecStart='))
    expect(line).toBe(
      'ExecStart=/usr/bin/node /opt/c/current/dist/cli/main.js join --json --name ' +
        String.raw`"a \"b\" \\ 50%% $$HOME é" --http 0.0.0.0:8410 ""`
    )
  })

  test('a word cannot begin another setting', () => {
    expect(() => unitText({ ...FACTS, words: ['x\nUser=root'] })).toThrow('control character')
  })

  test('one user’s has none of the settings that only the machine’s manager may make', () => {
    const text = unitText({ ...FACTS, scope: 'user', words: [] })
    expect(text).not.toMatch(/^(User|ProtectSystem|CapabilityBoundingSet|StateDirectory)=/m)
    expect(text).toMatch(/^WantedBy=default\.target$/m)
  })
})

describe('installing', () => {
  test('copies what the program runs with, and nothing else', async () => {
    const version = await install('fine')
    const folder = join(places.programs, version)
    expect(version).toMatch(/^1\.2\.3-[0-9a-f]{12}$/)
    expect(
      (await readdir(folder, { recursive: true })).filter((path) => path.endsWith('.js')).sort()
    ).toEqual([
      'dist/cli/main.js',
      'node_modules/used/index.js',
      'node_modules/used/node_modules/inner/index.js'
    ])
    expect(await current()).toBe(version)
    expect(await unit()).toContain(`ExecStart=/usr/bin/node ${places.programs}/current/dist/cli/main.js join`)
    expect(host.told).toContain('systemctl enable commonwheel.service')
  })

  test('a Node.js that the service could not read comes along', async () => {
    const node = join(root, 'node')
    await writeFile(node, 'a program', { mode: 0o755 })
    const version = await install('fine', [], node)
    expect(await readFile(join(places.programs, version, 'bin', 'node'), 'utf8')).toBe('a program')
    expect(await unit()).toContain(`ExecStart=${places.programs}/current/bin/node `)
  })

  test('again: options stay unless others are given', async () => {
    await install('fine', ['--name', 'kitchen'])
    await install('fine')
    expect(await unit()).toContain('join --json --name kitchen\n')
    await install('fine', ['--name', 'attic'])
    expect(await unit()).toContain('join --json --name attic\n')
  })

  test('a ticket waits in a file that others cannot read, and is not in the unit', async () => {
    const from = await aClone('fine')
    await installService(parts, { from, node: '/usr/bin/node', ticket: 'commonwheel1:secret' })
    const file = join(places.dataDir, 'ticket')
    expect(await readFile(file, 'utf8')).toBe('commonwheel1:secret\n')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await unit()).not.toContain('secret')
    expect(host.told.join('\n')).not.toContain('secret')
  })

  test('a version that does not come up is taken back, and removed', async () => {
    const good = await install('fine')
    await expect(install('broken')).rejects.toMatchObject({
      code: 'SERVICE_NOT_UP',
      detail: { cure: `version ${good} runs again` }
    })
    expect(await current()).toBe(good)
    expect((await readdir(places.programs)).filter((name) => name.startsWith('1.'))).toEqual([good])
    expect(host.told.at(-1)).toBe('systemctl restart commonwheel.service')
  })

  test('the first version that does not come up stays for a look, stopped', async () => {
    await expect(install('broken')).rejects.toMatchObject({ code: 'SERVICE_NOT_UP' })
    expect(host.told.at(-1)).toBe('systemctl stop commonwheel.service')
  })

  test('one version before is kept, and copies that were cut off are swept', async () => {
    await install('one')
    const two = await install('two')
    await mkdir(join(places.programs, 'new-1.2.3-000000000000'))
    const three = await install('three')
    const kept = (await readdir(places.programs)).filter((name) => name.includes('1.2.3'))
    expect(kept.sort()).toEqual([two, three].sort())
  })

  test('going back, and back again', async () => {
    const [one, two] = [await install('one'), await install('two')]
    expect(await rollBack(parts)).toMatchObject({ version: one, before: two })
    expect(await current()).toBe(one)
    expect((await rollBack(parts)).version).toBe(two)
  })

  test.for([
    ['no systemd', 'SERVICE_NO_SYSTEMD', { booted: false }],
    ['not root', 'SERVICE_NOT_ROOT', { uid: 1000 }]
  ] as const)('%s: refused before anything is touched', async ([, code, change]) => {
    Object.assign(host, change)
    await expect(install('fine')).rejects.toMatchObject({ code })
    await expect(readdir(places.programs)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('a node that was started by hand has to end first', async () => {
    await mkdir(places.dataDir)
    const api = { url: 'http://127.0.0.1:1', token: 'a'.repeat(64), pid: process.pid }
    await writeFile(join(places.dataDir, 'api.json'), JSON.stringify(api), { mode: 0o600 })
    await expect(install('fine')).rejects.toMatchObject({ code: 'SERVICE_NODE_RUNS' })
  })

  test('a clone that was never compiled', async () => {
    const from = await aClone('fine')
    await expect(
      installService(parts, { from: join(from, 'src'), node: '/usr/bin/node' })
    ).rejects.toMatchObject({ code: 'SERVICE_NOT_BUILT' })
  })
})

describe('removing', () => {
  beforeEach(async () => {
    await install('fine')
    await writeFile(join(places.dataDir, 'node.key'), 'key')
  })

  test('program and unit go, the data stays', async () => {
    const removed = await removeService(parts, false)
    expect(removed).toEqual([places.unitFile, `${places.unitFile}.d`, places.programs])
    expect(await readFile(join(places.dataDir, 'node.key'), 'utf8')).toBe('key')
    await expect(unit()).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('--purge: the data and the users too', async () => {
    await removeService({ ...parts, places: { ...places, dataDir: join(root, 'data') } }, true)
    await expect(stat(places.dataDir)).rejects.toMatchObject({ code: 'ENOENT' })
    expect(host.told).toContain('userdel commonwheel')
  })

  test('a link in place of the data folder: what it points to stays', async () => {
    const elsewhere = join(root, 'elsewhere')
    await mkdir(elsewhere)
    await writeFile(join(elsewhere, 'precious'), 'yes')
    const dataDir = join(root, 'link')
    await symlink(elsewhere, dataDir)
    await removeService({ ...parts, places: { ...places, dataDir } }, true)
    expect(await readFile(join(elsewhere, 'precious'), 'utf8')).toBe('yes')
  })
})

test('places of the machine', () => {
  expect(systemPlaces('/var/lib/commonwheel')).toMatchObject({
    unitFile: '/etc/systemd/system/commonwheel.service',
    programs: '/opt/commonwheel'
  })
})

describe('what systemd hears', () => {
  test('nothing outside of a service', async () => {
    const tell = vi.fn(async () => undefined)
    await createNotifier({}, tell).ready('up')
    expect(tell).not.toHaveBeenCalled()
  })

  test('up, then two beats in each period, until it is closed', async () => {
    vi.useFakeTimers()
    const told: string[] = []
    const notifier = createNotifier({ NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '120000000' }, async (text) => {
      told.push(text)
    })
    await notifier.ready('in the mesh a\nREADY=0')
    vi.advanceTimersByTime(120_000)
    notifier.close()
    vi.advanceTimersByTime(120_000)
    vi.useRealTimers()
    expect(told).toEqual(['READY=1\nSTATUS=in the mesh a READY=0', 'WATCHDOG=1', 'WATCHDOG=1'])
  })
})

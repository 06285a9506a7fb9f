import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { retagWheel } from '../../src/build/retag-wheel.ts'
import { openWheel } from '../../src/build/wheel-archive.ts'
import { inspectFile } from '../support/inspect-made-wheel.ts'
import { makeElf } from '../support/make-elf.ts'
import { makeWheel, type WheelPlan } from '../support/make-wheel.ts'

const run = promisify(execFile)
const TO_ARMV6 = { from: 'linux_armv7l', to: 'linux_armv6l' }
const TO_ARMV7 = { from: 'linux_armv8l', to: 'linux_armv7l' }
const fast = makeElf({
  machine: 40,
  wide: false,
  flags: 0x5000400,
  arm: { cpu: 6, thumb: 1, fp: 2, vfpArgs: 1 }
})
const files = {
  'demo/__init__.py': 'answer = 42\n',
  'demo/fast.so': fast,
  'demo/ünïcode, and "quotes".txt': 'x'.repeat(10_000)
}

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'commonwheel-retag-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
})

let made = 0
async function retag(
  plan: Partial<WheelPlan>,
  tagging = TO_ARMV6
): Promise<{ readonly from: string; readonly to: string }> {
  const wheel = makeWheel({ name: 'demo', version: '1.0', ...plan })
  const home = join(folder, `${made++}`)
  await mkdir(join(home, 'out'), { recursive: true })
  const from = join(home, wheel.filename)
  await writeFile(from, wheel.bytes)
  return { from, to: await retagWheel(from, join(home, 'out'), tagging) }
}

async function membersOf(path: string): Promise<ReadonlyMap<string, { text: string; packed: string }>> {
  const archive = await openWheel(path)
  const read = async (chunks: AsyncIterable<Uint8Array>): Promise<Buffer> => {
    const all: Uint8Array[] = []
    for await (const chunk of chunks) all.push(chunk)
    return Buffer.concat(all)
  }
  const members = new Map<string, { text: string; packed: string }>()
  for (const [name, member] of archive.members) {
    const packed = (await read(member.packed.chunks())).toString('hex')
    members.set(name, { text: (await read(member.chunks())).toString(), packed })
  }
  archive.close()
  return members
}

describe('the same wheel for another platform', () => {
  test('passes the inspection of its new target', async () => {
    const { to } = await retag({ tag: 'cp311-cp311-linux_armv7l', files })
    expect(basename(to)).toBe('demo-1.0-cp311-cp311-linux_armv6l.whl')
    expect(await inspectFile(to, { target: 'cp311-linux_armv6l-glibc2.31' })).toMatchObject({ kind: 'ok' })
    expect(await inspectFile(to, { target: 'cp311-linux_armv7l-glibc2.31' })).toMatchObject({
      kind: 'refused'
    })
  })

  test('differs in WHEEL and its line of RECORD alone; all else lies in it as it was packed', async () => {
    const { from, to } = await retag({ tag: 'cp311-cp311-linux_armv7l', files })
    const [before, after] = [await membersOf(from), await membersOf(to)]
    expect([...after.keys()]).toEqual([...before.keys()])
    const changed = [...after].filter(([name, { packed }]) => before.get(name)?.packed !== packed)
    expect(changed.map(([name]) => name)).toEqual(['demo-1.0.dist-info/WHEEL', 'demo-1.0.dist-info/RECORD'])
    const [wheelFile, record] = changed.map(([, { text }]) => text)
    expect(wheelFile).toContain('\nTag: cp311-cp311-linux_armv6l\n')
    expect(wheelFile).not.toContain('armv7l')
    const linesOf = (text = ''): string[] => text.split('\n').filter((line) => !line.includes('/WHEEL,'))
    expect(linesOf(record)).toEqual(linesOf(before.get('demo-1.0.dist-info/RECORD')?.text))
  })

  test('equal wheels stay equal, byte for byte', async () => {
    const plan = { tag: 'cp311-cp311-linux_armv7l', files }
    const [one, other] = [await retag(plan), await retag(plan)]
    expect((await readFile(one.to)).equals(await readFile(other.to))).toBe(true)
  })

  const names = [
    { tag: 'cp311-cp311-linux_armv8l', becomes: 'cp311-cp311-linux_armv7l' },
    { tag: 'py2.py3-none-linux_armv8l', becomes: 'py2.py3-none-linux_armv7l' },
    { tag: 'cp311-cp311-linux_armv7l.linux_armv8l', becomes: 'cp311-cp311-linux_armv7l' }
  ]
  test.for(names)('$tag becomes $becomes', async ({ tag, becomes }) => {
    const { to } = await retag({ tag, files }, TO_ARMV7)
    expect(basename(to)).toBe(`demo-1.0-${becomes}.whl`)
    const target = 'cp311-linux_armv7l-glibc2.36'
    expect(await inspectFile(to, { target })).toMatchObject({ kind: 'ok' })
  })

  test('a line of WHEEL that only looks like a tag is left alone', async () => {
    const wheel =
      'Wheel-Version: 1.0\r\nRoot-Is-Purelib: false\r\nTag: cp311-cp311-linux_armv8l\r\n\r\nTag: x-y-linux_armv8l\r\n'
    const { to } = await retag({ tag: 'cp311-cp311-linux_armv8l', wheel }, TO_ARMV7)
    const file = (await membersOf(to)).get('demo-1.0.dist-info/WHEEL')?.text
    expect(file).toBe(wheel.replace('linux_armv8l', 'linux_armv7l'))
    expect(await inspectFile(to, { target: 'cp311-linux_armv7l-glibc2.36' })).toMatchObject({ kind: 'ok' })
  })
})

describe('what cannot be retagged', () => {
  const refusals: { id: string; plan: Partial<WheelPlan>; cause: string }[] = [
    { id: 'without WHEEL', plan: { wheel: null }, cause: 'bad-dist-info' },
    { id: 'without RECORD', plan: { record: null }, cause: 'bad-dist-info' },
    { id: 'RECORD without WHEEL', plan: { record: 'demo.py,,\n' }, cause: 'record-mismatch' },
    {
      id: 'signed',
      plan: { extraEntries: [{ name: 'demo-1.0.dist-info/RECORD.jws', data: '{}' }] },
      cause: 'signed-wheel'
    }
  ]
  test.for(refusals)('$id', async ({ plan, cause }) => {
    await expect(retag({ tag: 'cp311-cp311-linux_armv7l', ...plan })).rejects.toMatchObject({
      detail: { cause }
    })
  })
})

/** Hashes and sizes of RECORD against the files, and the tags of WHEEL, as `pip check` and uv read them. */
const JUDGE = `
import sys, base64, hashlib, json
from importlib.metadata import distributions
[dist] = distributions(path=[sys.argv[1]])
wrong = []
for file in dist.files:
    if file.hash is None: continue
    data = file.locate().read_bytes()
    digest = base64.urlsafe_b64encode(hashlib.new(file.hash.mode, data).digest()).rstrip(b"=").decode()
    if digest != file.hash.value or len(data) != file.size: wrong.append(str(file))
tags = [line[5:] for line in dist.read_text("WHEEL").splitlines() if line.startswith("Tag: ")]
print(json.dumps({"files": len(dist.files), "wrong": wrong, "tags": tags}))
`

test('pip installs it, and finds each file as RECORD says and the platform that it asked for', async () => {
  const { to } = await retag({ tag: 'py3-none-linux_armv7l', files })
  await run('python3', ['-m', 'zipfile', '-t', to])
  const site = join(folder, 'site')
  const where = ['--no-deps', '--no-index', '--no-compile', '--only-binary', ':all:', '--target', site]
  const install = ['-I', '-m', 'pip', 'install', '--disable-pip-version-check', ...where]
  await expect(run('python3', [...install, '--platform', 'linux_armv7l', to])).rejects.toThrow()
  await run('python3', [...install, '--platform', 'linux_armv6l', to])
  const { stdout } = await run('python3', ['-I', '-c', JUDGE, site])
  expect(JSON.parse(stdout)).toMatchObject({ wrong: [], tags: ['py3-none-linux_armv6l'] })
})

import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { kernelCgroupFiles, type CgroupFiles } from '../../src/build/cgroup-files.ts'
import { BuildGroups, findCgroups, memoryGroupsLack } from '../../src/build/cgroups.ts'
import { realClock } from '../support/real-clock.ts'

const UNIT = '/cg/system.slice/commonwheel.service'

/** The kernel's control groups, as far as a node meets them: folders come with their files, killed processes are gone at once. */
class FakeKernel implements CgroupFiles {
  readonly files = new Map<string, string>()
  readonly written: string[] = []
  /** Refused, as by a mount that is read-only. */
  readOnly = false
  busy = 0

  constructor(controllers: string, pids: readonly number[]) {
    this.#add(UNIT, controllers)
    this.files.set(`${UNIT}/cgroup.procs`, pids.map((pid) => `${pid}\n`).join(''))
    this.files.set('/cg/cgroup.controllers', controllers)
  }

  #add(group: string, controllers: string): void {
    this.files.set(`${group}/cgroup.controllers`, controllers)
    for (const name of ['cgroup.procs', 'cgroup.subtree_control', 'cgroup.kill'])
      this.files.set(`${group}/${name}`, '')
  }

  async read(path: string): Promise<string> {
    const text = this.files.get(path)
    if (text === undefined) throw errno('ENOENT', path)
    return text
  }

  async write(path: string, text: string): Promise<void> {
    if (this.readOnly) throw errno('EROFS', path)
    if (!this.files.has(path)) throw errno('ENOENT', path)
    this.written.push(`${path.replace(`${UNIT}/`, '')} = ${text}`)
    if (path.endsWith('/cgroup.kill')) return
    if (path.endsWith('/cgroup.procs')) this.#leaveAll(text)
    this.files.set(path, text)
  }

  #leaveAll(pid: string): void {
    for (const [path, text] of this.files)
      if (path.endsWith('/cgroup.procs')) this.files.set(path, text.replace(`${pid}\n`, ''))
  }

  async make(path: string): Promise<void> {
    this.#add(path, 'memory pids')
    const own = ['memory.max', 'memory.oom.group', 'pids.max']
    for (const name of [...own, 'memory.events']) this.files.set(`${path}/${name}`, '')
  }

  async remove(path: string): Promise<void> {
    if (this.busy-- > 0) throw errno('EBUSY', path)
    if (!this.files.has(`${path}/cgroup.procs`)) throw errno('ENOENT', path)
    for (const file of [...this.files.keys()]) if (file.startsWith(`${path}/`)) this.files.delete(file)
  }

  async groups(path: string): Promise<readonly string[]> {
    const below = [...this.files.keys()].filter((file) => file.startsWith(`${path}/`))
    const names = below.map((file) => file.slice(path.length + 1).split('/'))
    return [...new Set(names.filter((parts) => parts.length === 2).map(([name]) => name ?? ''))]
  }
}

function errno(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}

function partsOf(files: FakeKernel, group = '/system.slice/commonwheel.service') {
  return { clock: realClock, files, root: '/cg', self: { pid: 77, group } }
}

test('a node that is given a part of the tree moves aside and takes it into use', async () => {
  const kernel = new FakeKernel('cpu memory pids', [77])
  const verdict = await findCgroups(partsOf(kernel))
  expect(verdict.kind).toBe('ready')
  expect(kernel.written.slice(0, 3)).toEqual([
    'supervisor/cgroup.procs = 77',
    'cgroup.subtree_control = +memory +pids',
    'cgroup.subtree_control = +cpu'
  ])
  expect(await kernel.groups(UNIT)).toEqual(['supervisor'])
})

test('a node that is aside already, as systemd may start it, stays there', async () => {
  const kernel = new FakeKernel('memory pids', [])
  const verdict = await findCgroups(partsOf(kernel, '/system.slice/commonwheel.service/supervisor'))
  expect(verdict.kind).toBe('ready')
  expect(kernel.written.filter((line) => line.startsWith('supervisor'))).toEqual([])
})

test('a build gets a group with its limits, and nothing stays of it', async () => {
  const kernel = new FakeKernel('memory pids', [77])
  const verdict = await findCgroups(partsOf(kernel))
  if (verdict.kind !== 'ready') throw new Error(verdict.reason)
  const group = await verdict.groups.make({ memoryBytes: 1_000_000, processes: 40 })
  const path = group.prefix.at(-1)?.replace('/cgroup.procs', '') ?? ''
  expect(kernel.files.get(`${path}/memory.max`)).toBe('1000000')
  expect(kernel.files.get(`${path}/pids.max`)).toBe('48')
  expect(kernel.files.get(`${path}/memory.oom.group`)).toBe('1')
  kernel.busy = 3
  await group.close()
  expect(await kernel.groups(UNIT)).toEqual(['supervisor'])
})

test('the kernel’s count tells an end for want of memory from a crash', async () => {
  const kernel = new FakeKernel('memory pids', [77])
  const group = await new BuildGroups(UNIT, partsOf(kernel)).make({ memoryBytes: 1, processes: 1 })
  const events = `${group.prefix.at(-1)?.replace('/cgroup.procs', '') ?? ''}/memory.events`
  kernel.files.set(events, 'low 0\nhigh 0\nmax 12\noom 0\noom_kill 0\noom_group_kill 0\n')
  expect(await group.ranOutOfMemory()).toBe(false)
  kernel.files.set(events, 'low 0\nhigh 0\nmax 12\noom 1\noom_kill 3\noom_group_kill 1\n')
  expect(await group.ranOutOfMemory()).toBe(true)
})

test('what a killed node left is swept at the next start, and nothing else', async () => {
  const kernel = new FakeKernel('memory pids', [77])
  await kernel.make(`${UNIT}/build-12-3`)
  await kernel.make(`${UNIT}/somebody`)
  expect((await findCgroups(partsOf(kernel))).kind).toBe('ready')
  expect(kernel.written).toContain('build-12-3/cgroup.kill = 1')
  expect(await kernel.groups(UNIT)).toEqual(['somebody', 'supervisor'])
})

const lacks = [
  {
    id: 'no memory controller',
    controllers: 'cpu pids',
    pids: [77],
    reason: /no memory/,
    cure: /cmdline\.txt/
  },
  { id: 'no pids controller', controllers: 'memory', pids: [77], reason: /pids/, cure: /service install/ },
  {
    id: 'others in its group',
    controllers: 'memory pids',
    pids: [77, 5, 6],
    reason: /^2 other/,
    cure: /service/
  }
]

test.for(lacks)('level 2 with a reason and a cure: $id', async ({ controllers, pids, reason, cure }) => {
  const kernel = new FakeKernel(controllers, pids)
  expect(await findCgroups(partsOf(kernel))).toMatchObject({
    kind: 'absent',
    reason: expect.stringMatching(reason) as string,
    cure: expect.stringMatching(cure) as string
  })
  expect(kernel.written).toEqual([])
})

test('a tree that is read-only, as in a container, is level 2', async () => {
  const kernel = new FakeKernel('memory pids', [77])
  kernel.readOnly = true
  expect(await findCgroups(partsOf(kernel))).toMatchObject({ kind: 'absent' })
})

test('doctor knows a kernel without memory groups, and a machine without any', async () => {
  expect(await memoryGroupsLack(new FakeKernel('memory pids', []), '/cg')).toBeUndefined()
  expect(await memoryGroupsLack(new FakeKernel('cpu pids', []), '/cg')).toMatchObject({
    cure: expect.stringContaining('cgroup_enable=memory') as string
  })
  expect(await memoryGroupsLack(new FakeKernel('', []), '/nowhere')).toMatchObject({
    reason: expect.stringContaining('no unified') as string
  })
})

/** A version 2 tree that this user may write to, with or without controllers: processes are moved and killed in it for real. */
function realTree(): string | undefined {
  return ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find(
    (path) => existsSync(join(path, 'cgroup.kill')) || existsSync(join(path, 'cgroup.controllers'))
  )
}

test('with the real kernel: a process and its daemon are in the group, and closing ends both', async () => {
  const root = realTree() ?? ''
  const folder = join(root, `commonwheel-test-${process.pid}`)
  const isOurs = await kernelCgroupFiles.make(folder).then(
    () => true,
    () => false
  )
  // An ordinary user, or a container: then nothing of the tree is ours and the verdict has to say so.
  if (root === '' || !isOurs) {
    expect((await findCgroups({ clock: realClock })).kind).toBe('absent')
    return
  }
  try {
    // Controllers may be elsewhere (hybrid groups): only their two files are pretended.
    const files: CgroupFiles = {
      ...kernelCgroupFiles,
      write: async (path, text) => {
        const isLimit = /(memory\.max|pids\.max|oom\.group)$/.test(path)
        if (!isLimit || existsSync(path)) await kernelCgroupFiles.write(path, text)
      }
    }
    const groups = new BuildGroups(folder, { clock: realClock, files })
    const group = await groups.make({ memoryBytes: 2 ** 30, processes: 40 })
    const words = [...group.prefix, 'sh', '-c', 'setsid sleep 1000 & exec sleep 1000']
    const child = spawn('env', words, { stdio: 'ignore' })
    const ended = new Promise((resolve) => {
      child.once('exit', (_, signal) => {
        resolve(signal)
      })
    })
    const procs = group.prefix.at(-1) ?? ''
    await expect.poll(async () => (await kernelCgroupFiles.read(procs)).trim().split('\n').length).toBe(2)
    await group.close()
    expect(await ended).toBe('SIGKILL')
    expect(await kernelCgroupFiles.groups(folder)).toEqual([])
  } finally {
    execFileSync('rmdir', [folder])
  }
})

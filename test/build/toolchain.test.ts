import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { failureCauses } from '../../src/build/classify-failure.ts'
import { InstalledPackages, parseToolchain, toolchainPackages } from '../../src/build/toolchain.ts'
import { MAX_NODE_PACKAGES } from '../../src/core/limits.ts'

let folder = ''
let status = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cw-dpkg-'))
  status = join(folder, 'status')
})
afterEach(async () => {
  await rm(folder, { recursive: true })
})

const paragraph = (name: string, state: string, more = ''): string =>
  `Package: ${name}\nStatus: ${state}\nDescription: a library\n Package: not-this-one\n${more}`

describe('installed packages', () => {
  test('are those that dpkg says are there and whole, with what they stand for', async () => {
    const paragraphs = [
      paragraph('libffi-dev', 'install ok installed'),
      paragraph('libxml2-dev', 'deinstall ok config-files'),
      paragraph('libpq-dev', 'install ok half-configured'),
      paragraph('libkept-dev', 'hold ok installed'),
      paragraph('bash', 'install ok installed'),
      paragraph(
        'libjpeg62-turbo-dev',
        'install ok installed',
        'Provides: libjpeg-dev (= 1:2), libjpeg62-dev\n'
      )
    ]
    await writeFile(status, paragraphs.join('\n'))
    const wanted = ['libjpeg-dev', 'libffi-dev', 'libxml2-dev', 'libpq-dev', 'libkept-dev', 'not-this-one']
    expect(await new InstalledPackages(wanted, status).names()).toEqual([
      'libffi-dev',
      'libjpeg-dev',
      'libkept-dev'
    ])
  })

  test('are read again when dpkg changed its file, and only then', async () => {
    const packages = new InstalledPackages(['a1', 'b1'], status)
    await writeFile(status, paragraph('a1', 'install ok installed'))
    const first = await packages.names()
    expect(first).toEqual(['a1'])
    expect(await packages.names()).toBe(first)
    await writeFile(status, paragraph('b1', 'install ok installed'))
    await utimes(status, 1, 1)
    expect(await packages.names()).toEqual(['b1'])
  })

  test('are none where there is no dpkg', async () => {
    expect(await new InstalledPackages(['a1'], join(folder, 'none')).names()).toEqual([])
  })
})

describe('config/toolchain-apt.txt', () => {
  test('a line is a package and what it unlocks; remarks are none', () => {
    expect(parseToolchain('# Title\n\nlibx-dev   # a, b # c\nliby-dev\n')).toEqual([
      { name: 'libx-dev', unlocks: 'a, b # c' },
      { name: 'liby-dev', unlocks: '' }
    ])
  })

  test('names each package once, in Debian’s spelling, and says what for', () => {
    const listed = toolchainPackages()
    const names = listed.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    expect(names.filter((name) => !/^[a-z0-9][a-z0-9+.-]+$/.test(name))).toEqual([])
    expect(listed.filter(({ unlocks }) => unlocks === '')).toEqual([])
  })

  test('covers what the causes name, but for what is no development package or only in one release', () => {
    const names = new Set(toolchainPackages().map(({ name }) => name))
    const left = [...failureCauses().packages].filter((name) => !names.has(name)).sort()
    expect(left).toEqual([
      'golang-go',
      'libgirepository-2.0-dev',
      'liblgpio-dev',
      'libpigpio-dev',
      'libsdl1.2-dev',
      'nodejs',
      'npm',
      'python3-numpy'
    ])
    // A node says which of them it has, in one record.
    expect(names.size + left.length).toBeLessThan(MAX_NODE_PACKAGES)
  })
})

import { chmod, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemPythons } from '../../src/node/find-interpreters.ts'
import { tempFolder } from '../support/temp-folder.ts'

test('auto: all Pythons of the system, each program once, CPython first and in the order of versions', async () => {
  const folder = await tempFolder()
  const programs = [
    'python3.9',
    'python3.13',
    'python3.13t',
    'python3.11',
    'pypy3.10',
    'python2.7',
    'python3.11-config'
  ]
  for (const name of programs) {
    await writeFile(join(folder, name), '#!/bin/sh\n')
    await chmod(join(folder, name), 0o755)
  }
  await symlink('python3.11', join(folder, 'python3'))
  await symlink('pypy3.10', join(folder, 'pypy3'))
  await symlink('nowhere', join(folder, 'python3.12'))
  const found = (await systemPythons(folder)).map((path) => path.slice(folder.length + 1))
  expect(found).toEqual(['python3.9', 'python3.11', 'python3.13', 'python3.13t', 'pypy3'])
})

test('a system without any, and a folder that is not there', async () => {
  expect(await systemPythons(await tempFolder())).toEqual([])
  expect(await systemPythons('/nowhere')).toEqual([])
})

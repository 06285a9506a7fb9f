import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readBuildSystem, unsafeRequirement } from '../../src/build/build-system.ts'

const LEGACY = {
  requires: ['setuptools>=40.8.0', 'wheel'],
  backend: 'setuptools.build_meta:__legacy__',
  backendPath: []
}
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cw-pyproject-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

const trees = [
  { id: 'no build-system table', text: '[tool.black]\nline-length = 100\n', value: LEGACY },
  {
    id: 'a table without backend keeps what it asks for',
    text: '[build-system]\nrequires = ["setuptools<60", "cython"]\n',
    value: { ...LEGACY, requires: ['setuptools<60', 'cython', 'setuptools>=40.8.0', 'wheel'] }
  },
  {
    id: 'a backend in the tree',
    text: '[build-system]\nrequires = []\nbuild-backend = "b:x"\nbackend-path = ["."]\n',
    value: { requires: [], backend: 'b:x', backendPath: ['.'] }
  }
] as const

test.for(trees)('$id', async ({ text, value }) => {
  await writeFile(join(folder, 'pyproject.toml'), text)
  expect(await readBuildSystem(folder)).toEqual({ kind: 'done', value })
})

test('no pyproject.toml: setuptools', async () => {
  expect(await readBuildSystem(folder)).toEqual({ kind: 'done', value: LEGACY })
})

const invalid = [
  'not toml at all [',
  '[build-system]\nrequires = "x"\n',
  '[build-system]\nrequires = [1]\n',
  'build-system = 3\n'
]

test.for(invalid)('refused: %j', async (text) => {
  await writeFile(join(folder, 'pyproject.toml'), text)
  expect(await readBuildSystem(folder)).toMatchObject({
    failure: { class: 'package', cause: 'bad-pyproject' }
  })
})

test('refused: a link or a folder instead of the file', async () => {
  await symlink('/etc/passwd', join(folder, 'pyproject.toml'))
  expect(await readBuildSystem(folder)).toMatchObject({ failure: { cause: 'bad-pyproject' } })
  await mkdir(join(folder, 'sub/pyproject.toml'), { recursive: true })
  expect(await readBuildSystem(join(folder, 'sub'))).toMatchObject({ failure: { cause: 'bad-pyproject' } })
})

const plain = [
  'setuptools',
  'setuptools >= 40.8.0, <60',
  'a[b,c]~=1.0',
  'oldest-numpy; python_version < "3.9"',
  'x(>=1)',
  'p==1.*',
  'q===1+local'
]
const unsafe = [
  'x @ https://e.org/x.tar.gz',
  'x@git+https://e.org/x',
  './local',
  '/abs',
  '-r file',
  '--index-url=http://e',
  'a b',
  '',
  'x; y @ z',
  'https://e.org/x.whl',
  'x==1 --hash=sha256:0'
]

test.for(plain)('given to pip: %s', (requirement) => {
  expect(unsafeRequirement([requirement])).toBeUndefined()
})

test.for(unsafe)('never given to pip: %j', (requirement) => {
  expect(unsafeRequirement(['setuptools', requirement])).toBe(requirement)
})

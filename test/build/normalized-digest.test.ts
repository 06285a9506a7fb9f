import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { normalizedDigest } from '../../src/build/normalized-digest.ts'
import { scanWheel } from '../../src/build/scan-wheel.ts'
import { openWheel } from '../../src/build/wheel-archive.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import { runTool } from '../../src/build/run-tool.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cw-normalized-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

/** Writes a wheel by Python's zipfile, whose archives are what backends leave. */
const WRITE = `
import json, sys, zipfile
path, members, deflate, year = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3] == "deflate", int(sys.argv[4])
with zipfile.ZipFile(path, "w") as archive:
    for name, mode, text in members:
        info = zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0))
        info.external_attr = mode << 16
        info.compress_type = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
        archive.writestr(info, text)
`
type Member = readonly [name: string, mode: number, text: string]

let count = 0

async function digestOf(
  members: readonly Member[],
  { packing = 'deflate', year = 2024 }: { packing?: string; year?: number } = {}
): Promise<string> {
  const path = join(folder, `demo-${++count}.whl`)
  const { code, stderr } = await runTool('python3', [
    '-c',
    WRITE,
    path,
    JSON.stringify(members),
    packing,
    `${year}`
  ])
  expect(code, stderr).toBe(0)
  const archive = await openWheel(path)
  try {
    return normalizedDigest(archive, (await scanWheel(archive)).digests)
  } finally {
    archive.close()
  }
}

const CODE: Member = ['demo/__init__.py', 0o100644, 'answer = 42\n']
const TOOL: Member = ['demo/tool.sh', 0o100755, '#!/bin/sh\n']
const RECORD: Member = ['demo-1.0.dist-info/RECORD', 0o100644, 'demo/__init__.py,,\n']

test('is of the lines that docs/building.md states', async () => {
  const expected = [
    'commonwheel-normalized-1\n',
    `${sha256Hex('answer = 42\n')} - demo/__init__.py\n`,
    `${sha256Hex('#!/bin/sh\n')} x demo/tool.sh\n`
  ].join('')
  expect(await digestOf([CODE, TOOL, RECORD])).toBe(sha256Hex(expected))
})

test.for<[string, readonly Member[], { packing?: string; year?: number }]>([
  ['the order in the archive', [RECORD, TOOL, CODE], {}],
  ['compression', [CODE, TOOL, RECORD], { packing: 'store' }],
  ['times', [CODE, TOOL, RECORD], { year: 1999 }],
  ['the order of RECORD', [CODE, TOOL, ['demo-1.0.dist-info/RECORD', 0o100644, 'demo/tool.sh,,\n']], {}],
  ['rights of groups and others', [['demo/__init__.py', 0o100600, 'answer = 42\n'], TOOL, RECORD], {}]
])('does not depend on %s', async ([, members, archive]) => {
  expect(await digestOf(members, archive)).toBe(await digestOf([CODE, TOOL, RECORD]))
})

test.for<[string, readonly Member[]]>([
  ['a byte of a file', [['demo/__init__.py', 0o100644, 'answer = 43\n'], TOOL, RECORD]],
  ['a name', [['demo/_init_.py', 0o100644, 'answer = 42\n'], TOOL, RECORD]],
  ['the right to execute', [CODE, ['demo/tool.sh', 0o100644, '#!/bin/sh\n'], RECORD]],
  ['one file more', [CODE, TOOL, ['demo/more.py', 0o100644, ''], RECORD]],
  ['a RECORD that is not the wheel’s own', [CODE, TOOL, ['demo/RECORD', 0o100644, ''], RECORD]]
])('depends on %s', async ([, members]) => {
  expect(await digestOf(members)).not.toBe(await digestOf([CODE, TOOL, RECORD]))
})

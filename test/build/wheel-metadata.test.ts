import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseCoreMetadata, parseHeaders, parseWheelFile } from '../../src/build/wheel-metadata.ts'
import { parseRecord } from '../../src/build/wheel-record.ts'

const digest = 'a'.repeat(64)
const encoded = Buffer.from(digest, 'hex').toString('base64url')

describe('headers', () => {
  test('folded, repeated, up to the empty line', () => {
    const text =
      'Name: demo\r\nLicense: MIT\r\n  or\r\n\tother\r\nClassifier: a\r\nclassifier: b\r\n\r\nBody: not a header\r\n'
    expect([...(parseHeaders(Buffer.from(text)) ?? [])]).toEqual([
      ['name', ['demo']],
      ['license', ['MIT\nor\nother']],
      ['classifier', ['a', 'b']]
    ])
  })

  test.for(['no colon\n', ': no name\n', ' folded first\n', 'na me: x\n', ''])('%j are none', (text) => {
    expect(parseHeaders(Buffer.from(text))).toBeUndefined()
  })
})

describe('METADATA', () => {
  test('what it says of itself, also in a version to come', () => {
    const text = 'Metadata-Version: 9.9\nName: Demo\nVersion: 1.0\nRequires-Python: >=3.9\nNew-Field: x\n'
    expect(parseCoreMetadata(Buffer.from(text))).toEqual({
      name: 'Demo',
      version: '1.0',
      requiresPython: '>=3.9'
    })
  })

  test.for([
    'Name: demo\nVersion: 1.0\n',
    'Metadata-Version: 2.1\nName: demo\n',
    'Metadata-Version: 2.1\nName: demo\nName: other\nVersion: 1.0\n',
    'Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Python: >=3\nRequires-Python: >=4\n',
    'Metadata-Version: 2.1\nName:\nVersion: 1.0\n'
  ])('%j is not enough', (text) => {
    expect(parseCoreMetadata(Buffer.from(text))).toBeUndefined()
  })
})

test('WHEEL', () => {
  const text =
    'Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py2-none-any\nTag: py3-none-any\nBuild: 1\n'
  expect(parseWheelFile(Buffer.from(text))).toEqual({
    wheelVersion: '1.0',
    tags: ['py2-none-any', 'py3-none-any'],
    build: '1'
  })
  expect(parseWheelFile(Buffer.from('Generator: x\n'))).toBeUndefined()
})

describe('RECORD', () => {
  test('rows with digest and size, quoted paths, either line end', () => {
    const text = `a.py,sha256=${encoded},5\r\n"b, ""c"".py",sha256=${encoded}=,\nd/RECORD,,`
    expect(parseRecord(text)).toEqual([
      { path: 'a.py', sha256: digest, size: 5 },
      { path: 'b, "c".py', sha256: digest },
      { path: 'd/RECORD' }
    ])
    expect(parseRecord('')).toEqual([])
  })

  test.for([
    'a.py',
    'a.py,',
    `a.py,md5=abc,5`,
    `a.py,sha256=short,5`,
    `a.py,sha256=${encoded},-5`,
    `,sha256=${encoded},5`,
    '"a.py,,',
    'a"b,,',
    'a,,,'
  ])('%j is malformed', (text) => {
    expect(parseRecord(text)).toBeUndefined()
  })

  test('no text makes it throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', 'a', '=') }), (text) => {
        parseRecord(text)
      })
    )
  })
})

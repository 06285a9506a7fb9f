import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

export interface TinyWheelOptions {
  readonly name: string
  readonly version: string
  readonly requiresPython?: string
  readonly requiresDist?: readonly string[]
  /** `py3-none-any` unless said otherwise. */
  readonly tag?: string
  /** Returned by the module's `hello()`. */
  readonly greeting?: string
}

export interface TinyWheel {
  readonly filename: string
  readonly bytes: Buffer
  readonly metadata: string
}

/** The smallest wheel that pip installs: one module, stored without compression, the same bytes each time. */
export function tinyWheel(options: TinyWheelOptions): TinyWheel {
  const { name, version, tag = 'py3-none-any', greeting = 'hello' } = options
  const info = `${name}-${version}.dist-info`
  const metadata = [
    'Metadata-Version: 2.1',
    `Name: ${name}`,
    `Version: ${version}`,
    ...(options.requiresPython === undefined ? [] : [`Requires-Python: ${options.requiresPython}`]),
    ...(options.requiresDist ?? []).map((requirement) => `Requires-Dist: ${requirement}`),
    ''
  ].join('\n')
  const members = [
    { path: `${name}.py`, text: `def hello():\n    return ${JSON.stringify(greeting)}\n` },
    { path: `${info}/METADATA`, text: metadata },
    {
      path: `${info}/WHEEL`,
      text: `Wheel-Version: 1.0\nGenerator: tiny\nRoot-Is-Purelib: true\nTag: ${tag}\n`
    }
  ]
  const lines = members.map(
    ({ path, text }) => `${path},sha256=${urlDigest(text)},${Buffer.byteLength(text)}`
  )
  const record = { path: `${info}/RECORD`, text: [...lines, `${info}/RECORD,,`, ''].join('\n') }
  return { filename: `${name}-${version}-${tag}.whl`, bytes: storedZip([...members, record]), metadata }
}

function urlDigest(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

interface Member {
  readonly path: string
  readonly text: string
}

/** APPNOTE 4.3 of the zip format, with the one date it can always hold: 1980-01-01. */
function storedZip(members: readonly Member[]): Buffer {
  const locals: Buffer[] = []
  const central: Buffer[] = []
  let offset = 0
  for (const { path, text } of members) {
    const [name, data] = [Buffer.from(path), Buffer.from(text)]
    const common = commonHeader(name, data)
    const local = Buffer.concat([Buffer.from('504b0304', 'hex'), common, name, data])
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(0o100644 * 0x10000, 6)
    tail.writeUInt32LE(offset, 10)
    central.push(Buffer.concat([Buffer.from('504b01021403', 'hex'), common, tail, name]))
    locals.push(local)
    offset += local.byteLength
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(22)
  end.write('504b0506', 0, 'hex')
  end.writeUInt16LE(members.length, 8)
  end.writeUInt16LE(members.length, 10)
  end.writeUInt32LE(directory.byteLength, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...locals, directory, end])
}

/** What the local and the central header share: version needed to extra-field length. */
function commonHeader(name: Buffer, data: Buffer): Buffer {
  const header = Buffer.alloc(26)
  header.writeUInt16LE(20, 0)
  header.writeUInt16LE(0x0800, 2)
  header.writeUInt16LE(0x21, 8)
  header.writeUInt32LE(crc32(data), 10)
  header.writeUInt32LE(data.byteLength, 14)
  header.writeUInt32LE(data.byteLength, 18)
  header.writeUInt16LE(name.byteLength, 22)
  return header
}

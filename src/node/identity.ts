import { chmod, mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Random } from '../core/ports.ts'
import { NodeError } from './node-error.ts'

const SEED_BYTES = 32

/** Where the Ed25519 seed lies. Whoever reads it can speak as this node. */
function identityFile(dataDir: string): string {
  return join(dataDir, 'node.key')
}

/** The seed of this node's key, made on the first start. Refuses a key file that others can read. */
export async function loadIdentity(dataDir: string, random: Random): Promise<Uint8Array> {
  const file = identityFile(dataDir)
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return makeIdentity(file, random)
  const { mode } = await stat(file)
  if ((mode & 0o077) !== 0)
    throw new NodeError({ code: 'NODE_KEY_READABLE', file, cure: `chmod 600 ${file}` })
  const seed = Buffer.from(text.trim(), 'hex')
  if (seed.byteLength !== SEED_BYTES) {
    throw new NodeError({
      code: 'NODE_KEY_BROKEN',
      file,
      cure: 'restore it from a backup, or move it away to be a new node'
    })
  }
  return Uint8Array.from(seed)
}

async function makeIdentity(file: string, random: Random): Promise<Uint8Array> {
  const seed = random.bytes(SEED_BYTES)
  const draft = `${file}.new`
  const handle = await open(draft, 'w', 0o600)
  try {
    await handle.writeFile(`${Buffer.from(seed).toString('hex')}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await chmod(draft, 0o600)
  await rename(draft, file)
  return seed
}

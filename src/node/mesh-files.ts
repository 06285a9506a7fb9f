import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { JoinProof } from '../core/record.ts'
import { decodeCbor, encodeCbor } from '../wire/cbor.ts'
import { openGenesis, type SealedGenesis } from '../wire/genesis.ts'
import { readJoinProof } from '../wire/record-codec.ts'
import { bytes, fields, list, text } from '../wire/shape.ts'

/** Which mesh this node belongs to, and what proves it: beside the ledger, because the ledger is read with it. */
export interface MeshMembership {
  readonly genesis: SealedGenesis
  /** Absent for a root. */
  readonly proof?: JoinProof
  /** Multiaddrs of the members that let it in: trusted to tell who else belongs to the mesh. */
  readonly sponsors: readonly string[]
}

const MAX_FILE_BYTES = 64 * 1024

export async function loadMembership(dataDir: string): Promise<MeshMembership | undefined> {
  const raw = await readFile(meshFile(dataDir)).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  })
  if (raw === undefined) return undefined
  const map = fields(decodeCbor(raw, { maxBytes: MAX_FILE_BYTES }), 'mesh file')
  const genesis = openGenesis(bytes(1, MAX_FILE_BYTES)(map['genesis'], 'genesis'))
  const proof = map['proof']
  const sponsors = list(16, text(300))(map['sponsors'], 'sponsors')
  return { genesis, sponsors, ...(proof === null ? {} : { proof: readJoinProof(proof, 'proof') }) }
}

/** The bytes of `mesh.cbor`. */
export function encodeMembership({ genesis, proof, sponsors }: MeshMembership): Uint8Array {
  return encodeCbor({ genesis: genesis.bytes, proof: proof ?? null, sponsors })
}

export async function saveMembership(dataDir: string, membership: MeshMembership): Promise<void> {
  const draft = `${meshFile(dataDir)}.new`
  await writeFile(draft, encodeMembership(membership), { mode: 0o600, flush: true })
  await rename(draft, meshFile(dataDir))
}

/** After leaving: the next join starts from nothing. The key goes too, since its membership has been revoked for good. */
export async function forgetMembership(dataDir: string): Promise<void> {
  const names = ['mesh.cbor', 'node.key', 'ledger.made', 'ledger.tide', 'ledger.damaged']
  for (const name of names) await rm(join(dataDir, name), { force: true })
  await rm(join(dataDir, 'ledger'), { recursive: true, force: true })
}

function meshFile(dataDir: string): string {
  return join(dataDir, 'mesh.cbor')
}

import { sha256Hex } from '../../src/core/digest.ts'
import { BACKEND } from '../fixtures/backend-code.ts'
import { makeSdist } from '../fixtures/make-sdist.ts'
import type { FixtureSdist } from '../fixtures/sdists.ts'

/** An sdist whose build takes that long, says so all the while, and ends well. */
export async function slowSdist(name: string, seconds: number): Promise<FixtureSdist> {
  const module = name.replaceAll('-', '_')
  const top = `${module}-1.0`
  const constants = `NAME = "${name}"\nVERSION = "1.0"\nMODULE = "${module}"\nCONFIG = {}\n`
  const slow = `def before(folder):\n    for _ in range(${seconds * 10}):\n        print("still at it", flush=True)\n        time.sleep(0.1)\n`
  const bytes = await makeSdist({
    [`${top}/PKG-INFO`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: 1.0\n`,
    [`${top}/pyproject.toml`]:
      '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    [`${top}/backend.py`]: `${constants}${BACKEND}\n${slow}`
  })
  return { filename: `${top}.tar.gz`, bytes, sha256: sha256Hex(bytes) }
}

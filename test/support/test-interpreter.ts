import type { SandboxHost } from '../../src/build/capture.ts'
import { probeInterpreter, type Interpreter } from '../../src/build/probe-interpreter.ts'

/** Where a Python that every user may run is likely to be; the system's own first. */
const CANDIDATES = ['/usr/bin/python3', '/opt/python3/bin/python3', '/usr/local/bin/python3']

/** An interpreter that the build user of this machine can run, or an error that says why none is. */
export async function findTestInterpreter(host: SandboxHost): Promise<Interpreter> {
  const refusals: string[] = []
  for (const path of CANDIDATES) {
    const verdict = await probeInterpreter(path, host)
    if (verdict.kind === 'ready') return verdict.interpreter
    refusals.push(`${path}: ${verdict.reason} (${verdict.cure})`)
  }
  throw new Error(`no Python for tests: ${refusals.join('; ')}`)
}

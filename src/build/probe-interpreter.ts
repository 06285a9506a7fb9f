import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseTarget, isTargetId, type Target } from '../core/target.ts'
import { capture, type SandboxHost } from './capture.ts'
import { bindsOf, parseFacts, parseTags, targetText, type InterpreterFacts } from './interpreter-facts.ts'
import { packagePath } from './package-path.ts'
import { runTool } from './run-tool.ts'
import { INSIDE, type Bind } from './sandbox.ts'
import { ensureToolVenv } from './tool-venv.ts'

/** An interpreter that this node can build for. */
export interface Interpreter {
  readonly path: string
  readonly target: Target
  /** What `sys.version` says, on one line. */
  readonly version: string
  /** Every tag that it installs, as `py-abi-plat`, best first. */
  readonly tags: readonly string[]
  readonly pipVersion: string
  /** The tool environment with its pip. */
  readonly tools: string
  /** What a sandbox must show of the host for it to run. */
  readonly readOnly: readonly Bind[]
  /** What compiled packages will lack here, and its cure. */
  readonly warnings: readonly string[]
}

export type InterpreterVerdict =
  | { readonly kind: 'ready'; readonly interpreter: Interpreter }
  | { readonly kind: 'refused'; readonly path: string; readonly reason: string; readonly cure: string }

/** Asks an interpreter what it is, makes its tool environment, and runs it as the build user in a real sandbox. */
export async function probeInterpreter(path: string, host: SandboxHost): Promise<InterpreterVerdict> {
  const script = packagePath('config/python/interpreter_facts.py')
  const asked = await runTool(path, ['-I', script], { timeoutMs: 60_000 })
  const facts = parseFacts(asked.stdout)
  if (facts === undefined) {
    return refused(
      path,
      `it does not answer: ${lastLine(asked.stderr)}`,
      'give the path of a working Python 3'
    )
  }
  const unfit = refusalOf(path, facts)
  if (unfit !== undefined) return unfit
  const closed = await tryAsBuildUser(path, facts, host)
  if (closed !== undefined) return closed
  return withTools(path, facts, host)
}

function refusalOf(path: string, facts: InterpreterFacts): InterpreterVerdict | undefined {
  if (!facts.supported) return refused(path, `${facts.python} is older than Python 3.6`, 'use a newer Python')
  if (!isTargetId(targetText(facts))) {
    return refused(
      path,
      `wheels for ${targetText(facts)} are not known`,
      'use CPython or PyPy on glibc Linux'
    )
  }
  if (!facts.venv) {
    return refused(path, 'it lacks the venv and ensurepip modules', venvCure(facts))
  }
  return undefined
}

async function tryAsBuildUser(
  path: string,
  facts: InterpreterFacts,
  host: SandboxHost
): Promise<InterpreterVerdict | undefined> {
  const { ending, output } = await capture(host, [facts.executable, '-I', '-c', 'pass'], bindsOf(facts))
  if (ending.kind === 'exited' && ending.code === 0) return undefined
  const why = lastLine(output) === '' ? JSON.stringify(ending) : lastLine(output)
  return refused(
    path,
    `the build user cannot run ${facts.executable}: ${why}`,
    'use an interpreter outside closed home folders: the system’s python3, or one below /opt'
  )
}

async function withTools(
  path: string,
  facts: InterpreterFacts,
  host: SandboxHost
): Promise<InterpreterVerdict> {
  const target = parseTarget(targetText(facts))
  const venv = await ensureToolVenv(facts.executable, facts.version, join(host.place.tools, target.id))
  if (venv.kind === 'refused')
    return refused(path, `no tool environment: ${lastLine(venv.reason)}`, venvCure(facts))
  // As text, not as a file: the build user may not get at the folder that this program is installed in.
  const script = await readFile(packagePath('config/python/supported_tags.py'), 'utf8')
  const readOnly = [...bindsOf(facts), { host: venv.path, inside: INSIDE.tools }]
  const command = [`${INSIDE.tools}/bin/python`, '-I', '-c', script]
  const { output } = await capture(host, command, readOnly)
  const tags = parseTags(output)
  if (tags === undefined) return refused(path, `its pip does not work: ${lastLine(output)}`, venvCure(facts))
  const interpreter = {
    path: facts.executable,
    target,
    version: facts.version,
    tags: tags.tags,
    tools: venv.path
  }
  return {
    kind: 'ready',
    interpreter: { ...interpreter, pipVersion: tags.pip, readOnly, warnings: warningsOf(facts) }
  }
}

function warningsOf(facts: InterpreterFacts): readonly string[] {
  if (facts.headers) return []
  const apt = aptName(facts)
  const cure = apt === undefined ? '' : `: apt install ${apt}-dev`
  return [`${facts.python} has no Python.h in ${facts.include}; compiled packages will fail${cure}`]
}

/** Debian's package of a CPython of its own: `python3.11`. */
function aptName({ executable }: InterpreterFacts): string | undefined {
  return /^\/usr\/bin\/(python3\.\d+)$/.exec(executable)?.[1]
}

function venvCure(facts: InterpreterFacts): string {
  const apt = aptName(facts)
  return apt === undefined ? 'reinstall this Python with ensurepip' : `apt install ${apt}-venv`
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}

function refused(path: string, reason: string, cure: string): InterpreterVerdict {
  return { kind: 'refused', path, reason, cure }
}

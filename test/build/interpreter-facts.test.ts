import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { parseFacts, targetText } from '../../src/build/interpreter-facts.ts'
import { packagePath } from '../../src/build/package-path.ts'
import { isTargetId } from '../../src/core/target.ts'

const run = promisify(execFile)
const SCRIPT = packagePath('config/python/interpreter_facts.py')

/** What the script says in a real Python that takes itself for another one. */
async function targetOf(disguise: string): Promise<string> {
  const code = `
import os, runpy, sys, sysconfig
os.confstr = lambda name: "glibc 2.36"
known, platform = sysconfig.get_config_var, sysconfig.get_platform()
def pretend(name, maxsize=2**63 - 1, implementation="cpython", free=0):
    sys.maxsize, sys.implementation.name = maxsize, implementation
    sysconfig.get_platform = lambda: name
    sysconfig.get_config_var = lambda var: free if var == "Py_GIL_DISABLED" else known(var)
${disguise}
runpy.run_path(${JSON.stringify(SCRIPT)}, run_name="__main__")
`
  const { stdout } = await run('/usr/bin/python3', ['-I', '-c', code])
  const facts = parseFacts(stdout)
  if (facts === undefined) throw new Error(`no facts in ${stdout}`)
  return targetText(facts).replace(/^(cp|pp)3\d+/, '$13N')
}

test.each([
  ['a 64-bit Pi', 'pretend("linux-aarch64")', 'cp3N-linux_aarch64-glibc2.36'],
  ['a 32-bit Pi', 'pretend("linux-armv7l", 2**31 - 1)', 'cp3N-linux_armv7l-glibc2.36'],
  ['a Pi 1 or Zero', 'pretend("linux-armv6l", 2**31 - 1)', 'cp3N-linux_armv6l-glibc2.36'],
  [
    'a 32-bit userland on a 64-bit kernel',
    'pretend("linux-aarch64", 2**31 - 1)',
    'cp3N-linux_armv7l-glibc2.36'
  ],
  ['the same, started by linux32', 'pretend("linux-armv8l", 2**31 - 1)', 'cp3N-linux_armv7l-glibc2.36'],
  ['a 32-bit Python on a PC', 'pretend("linux-x86_64", 2**31 - 1)', 'cp3N-linux_i686-glibc2.36'],
  ['a free-threaded CPython', 'pretend("linux-aarch64", free=1)', 'cp3Nt-linux_aarch64-glibc2.36'],
  ['a PyPy', 'pretend("linux-aarch64", implementation="pypy")', 'pp3N-linux_aarch64-glibc2.36']
])('%s says which wheels it takes', async (_what, disguise, target) => {
  const said = await targetOf(disguise)
  expect(said).toBe(target)
  expect(isTargetId(said.replace('3N', '313'))).toBe(true)
})

test('another implementation has no target', async () => {
  expect(isTargetId(await targetOf('pretend("linux-aarch64", implementation="graalpy")'))).toBe(false)
})

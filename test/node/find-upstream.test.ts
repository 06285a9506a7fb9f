import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { resolveConfig } from '../../src/config/load-config.ts'
import { findUpstream } from '../../src/node/find-upstream.ts'
import { tempFolder } from '../support/temp-folder.ts'

test('the configured index is taken as it is, and no Python is asked', async () => {
  const given = {
    name: 'the test',
    values: { upstream: 'http://127.0.0.1:9/simple/', pythons: ['/nonexistent'] }
  }
  expect(await findUpstream(resolveConfig(await tempFolder(), [given]))).toBe('http://127.0.0.1:9/simple/')
})

test('a Python without pip, as Debian ships it: the pip of a virtual environment is asked', async () => {
  const folder = await tempFolder()
  const python = join(folder, 'python-without-pip')
  const script =
    '#!/bin/sh\nif [ "$1 $2" = "-m pip" ]; then echo "No module named pip" >&2; exit 1; fi\nexec python3 "$@"\n'
  await writeFile(python, script, { mode: 0o755 })
  const config = resolveConfig(folder, [{ name: 'the test', values: { pythons: [python] } }])
  expect(await findUpstream(config)).toMatch(/^https?:\/\/[^/]+\/(.+\/)?$/)
})

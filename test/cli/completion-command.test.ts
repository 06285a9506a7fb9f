import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { run } from './cli-fixtures.ts'

const scriptOf = async (shell: string): Promise<string> => (await run(['completion', shell])).stdout

/** What a real bash offers for a line that ends where the cursor is. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const line = ['commonwheel', ...words].map((word) => `'${word}'`).join(' ')
  const code = `${await scriptOf('bash')}
COMP_WORDS=(${line}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _commonwheel; printf '%s\\n' "\${COMPREPLY[@]}"`
  return execFileSync('bash', ['-c', code], { encoding: 'utf8' }).trim().split('\n')
}

describe('bash', () => {
  test('commands', async () => {
    expect(await offered('sta')).toEqual(['status'])
    expect(await offered('')).toEqual(
      expect.arrayContaining(['join', 'want', 'service', 'completion', '--help'])
    )
  })

  test('options of a command, and of one below another', async () => {
    expect(await offered('want', '--wa')).toEqual(['--wait'])
    expect(await offered('service', 'un')).toEqual(['uninstall'])
    expect(await offered('service', 'uninstall', '--p')).toEqual(['--purge'])
    expect(await offered('service', 'uninstall', '--yes', '--p')).toEqual(['--purge'])
  })
})

test('zsh uses the same, fish has a line for each word', async () => {
  expect(await scriptOf('zsh')).toMatch(/^#compdef commonwheel\n[^]*_commonwheel\(\)/)
  const fish = await scriptOf('fish')
  expect(fish).toContain(`-n '__fish_use_subcommand' -a status -d 'what this node`)
  expect(fish).toContain(
    `-n '__fish_seen_subcommand_from service; and __fish_seen_subcommand_from uninstall' -l purge`
  )
  // An apostrophe in a description ends no string.
  expect(
    fish.split('\n').filter((line) => (line.replaceAll(/\\./g, '').match(/'/g) ?? []).length % 2 === 1)
  ).toEqual([])
})

test('another shell is refused', async () => {
  expect((await run(['completion', 'tcsh'])).code).toBe(2)
})

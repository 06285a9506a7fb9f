import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { DEFAULT_SETTINGS, layerSchema } from '../../src/config/schema.ts'
import { SETTING_ROWS } from '../../src/config/settings-table.ts'

const root = new URL('../../', import.meta.url)

function textOf(path: string): string {
  return readFileSync(new URL(path, root), 'utf8')
}

test('config/default.json holds the defaults, in the order of the schema', () => {
  expect(JSON.stringify(JSON.parse(textOf('config/default.json')))).toBe(JSON.stringify(DEFAULT_SETTINGS))
})

test('the defaults are a file that is accepted', () => {
  expect(layerSchema.parse(JSON.parse(textOf('config/default.json')))).toEqual(DEFAULT_SETTINGS)
})

test.for(SETTING_ROWS)('docs/configuration.md has the row of $key', (row) => {
  const cells = [
    `\`${row.key}\``,
    `\`${JSON.stringify(row.default)}\``,
    `\`${row.variable}\``,
    row.description
  ]
  // However the formatter aligns the table.
  const rows = textOf('docs/configuration.md').replaceAll(/ +/g, ' ').split('\n')
  expect(rows).toContain(`| ${cells.join(' | ')} |`)
  expect(row.description).not.toBe('')
})

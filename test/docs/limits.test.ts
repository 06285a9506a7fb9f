import { describe, expect, test } from 'vitest'
import * as core from '../../src/core/limits.ts'
import * as gossip from '../../src/gossip/gossip-limits.ts'
import * as http from '../../src/http/http-limits.ts'
import { FILES, tableRows, textOf } from './repository.ts'

/*
 * The parameters tables of docs/protocol/ against the code. A row names one constant or several; its second cell states as
 * many values first of all, in the same order.
 */

type Numbers = Readonly<Record<string, unknown>>

const UNITS: Readonly<Record<string, number>> = {
  bytes: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  days: 86_400_000
}
const NAME = /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/

interface Row {
  readonly page: string
  readonly name: string
  readonly stated: number | undefined
}

const pages = FILES.filter((path) => /^docs\/protocol\/[\w-]+\.md$/.test(path))
const rows = pages.flatMap(rowsOf)

test.for(rows)('$page: $name', ({ page, name, stated }) => {
  const known = valueOf(name, page)
  expect(known, `the code has no ${name}`).toBeDefined()
  expect(stated).toBe(known)
})

describe('the bounds of coordination', () => {
  const text = textOf('src/core/limits.ts')
  const [, section = ''] = /\/\/ --- Coordination[^\n]*\n([\s\S]*?)\n\/\/ ---/.exec(text) ?? []
  const names = [...section.matchAll(/^export const ([A-Z0-9_]+)/gm)].map(([, name = '']) => name)
  test.for(names)('docs/protocol/coordination.md states %s', (name) => {
    expect(rows).toContainEqual(expect.objectContaining({ page: 'docs/protocol/coordination.md', name }))
  })
})

function rowsOf(page: string): readonly Row[] {
  return tableRows(textOf(page)).flatMap(([first = '', second = '']) => {
    const names = [...first.matchAll(/`([^`]+)`/g)]
      .map(([, name = '']) => name)
      .filter((name) => NAME.test(name))
    const values = numbersOf(second)
    return names.map((name, index) => ({ page, name, stated: values[index] }))
  })
}

/** `30 s, jittered by half` → 30,000; `6, 0.2` → 6 and 0.2; `1,000 / 15 s` → 1,000 and 15,000. */
function numbersOf(cell: string): readonly number[] {
  const number = /(\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)(?:\s*(bytes|KiB|MiB|GiB|ms|s|min|h|days)\b)?/g
  return [...cell.matchAll(number)].map(
    ([, digits = '', unit]) =>
      Number(digits.replaceAll(',', '')) * (unit === undefined ? 1 : (UNITS[unit] ?? NaN))
  )
}

/** The nearest constant of that name: two folders may have one each. */
function valueOf(name: string, page: string): number | undefined {
  const own = page.endsWith('/index.md')
    ? [http]
    : /(?:gossip|sync|blobs|membership)\.md$/.test(page)
      ? [gossip]
      : []
  const modules: readonly Numbers[] = [...own, core, gossip, http]
  const exported = modules.map((numbers) => numbers[name]).find((value) => typeof value === 'number')
  return exported ?? privateValueOf(name)
}

/** A constant that a file keeps to itself: its text, a product or a difference of numbers and of other constants. */
function privateValueOf(name: string): number | undefined {
  const declaration = new RegExp(`^(?:export )?const ${name} = ([\\w\\s.*-]+)$`, 'm')
  for (const path of FILES.filter((one) => one.startsWith('src/'))) {
    const [, text] = declaration.exec(textOf(path)) ?? []
    if (text !== undefined) return evaluate(text)
  }
  return undefined
}

function evaluate(text: string): number {
  const [first = 0, ...others] = text
    .split(/\s-\s/)
    .map((term) => term.split('*').reduce((product, factor) => product * factorOf(factor.trim()), 1))
  return others.reduce((rest, term) => rest - term, first)
}

function factorOf(text: string): number {
  const units: Numbers = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, second: 1_000, minute: 60_000 }
  const known = units[text] ?? (core as Numbers)[text] ?? Number(text.replaceAll('_', ''))
  return typeof known === 'number' ? known : NaN
}

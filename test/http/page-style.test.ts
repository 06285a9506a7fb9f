import { expect, test } from 'vitest'
import { STYLE } from '../../src/http/page-style.ts'

type Scheme = Readonly<Record<string, string>>

/** The colours of the light scheme, then of the dark one. */
const schemes = [...STYLE.matchAll(/:root \{([^}]*)\}/g)].map(([, body = '']): Scheme =>
  Object.fromEntries(
    [...body.matchAll(/--(\w+): (#[0-9a-f]{6})/g)].map(([, name = '', colour = '']) => [name, colour])
  )
)

/** WCAG 2: relative luminance. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5]
    .map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (light + 0.05) / (dark + 0.05)
}

const PAIRS = ['ink', 'faint', 'link', 'good', 'bad', 'busy'].flatMap((text) =>
  ['paper', 'card'].map((ground) => ({ text, ground }))
)

test.for([...PAIRS, { text: 'paper', ground: 'link' }, { text: 'ink', ground: 'mark' }])(
  '$text on $ground can be read in both schemes (WCAG AA: 4.5 to 1)',
  ({ text, ground }) => {
    expect(schemes).toHaveLength(2)
    for (const scheme of schemes) expect(contrast(scheme[text]!, scheme[ground]!)).toBeGreaterThanOrEqual(4.5)
  }
)

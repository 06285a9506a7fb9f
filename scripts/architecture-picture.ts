/**
 * Draws which folder of src/ imports which into docs/ARCHITECTURE.md; with `--check`, says whether the picture there is
 * the one it would draw. Folders only, so that it changes when the house does and not with every file.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

const PAGE = 'docs/ARCHITECTURE.md'
const MARKED = /(<!-- picture: npm run arch:picture -->\n)[\s\S]*?(<!-- end of picture -->)/
const FOLDER = /^src\/([^/]+)/

interface Cruise {
  readonly modules: readonly {
    readonly source: string
    readonly dependencies: readonly { resolved: string }[]
  }[]
}

const page = readFileSync(PAGE, 'utf8')
if (!MARKED.test(page)) throw new Error(`${PAGE} has no place for the picture`)
const drawn = page.replace(MARKED, (_, open: string, close: string) => `${open}${picture(cruise())}${close}`)

if (!process.argv.includes('--check')) {
  writeFileSync(PAGE, drawn)
} else if (drawn !== page) {
  console.error(`the picture in ${PAGE} is not today's: npm run arch:picture`)
  process.exitCode = 1
}

function cruise(): Cruise {
  const options = ['--config', '.dependency-cruiser.cjs', '--include-only', '^src/', '--output-type', 'json']
  const json = execFileSync('node_modules/.bin/depcruise', ['src', ...options], {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024
  })
  return JSON.parse(json) as Cruise
}

/** Arrows to core are left out: every folder has one. */
function picture({ modules }: Cruise): string {
  const arrows = modules.flatMap(({ source, dependencies }) =>
    dependencies.map(({ resolved }) => arrow(folderOf(source), folderOf(resolved)))
  )
  const lines = [...new Set(arrows)].filter((line) => line !== undefined).sort()
  return ['```mermaid', 'graph TD', ...lines, '```', ''].join('\n')
}

function arrow(from: string | undefined, to: string | undefined): string | undefined {
  return from === undefined || to === undefined || from === to || to === 'core'
    ? undefined
    : `  ${from} --> ${to}`
}

function folderOf(file: string): string | undefined {
  return FOLDER.exec(file)?.[1]
}

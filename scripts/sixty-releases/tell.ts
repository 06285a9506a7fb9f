import { releaseText, type Pass, type ReleaseResult, type ResultsFile } from './results.ts'
import { SIXTY, type Kind, type NamedRelease } from './releases.ts'

const KINDS: Readonly<Record<Kind, string>> = {
  pure: 'pure Python, sdist only',
  c: 'C or C++',
  cython: 'Cython',
  rust: 'Rust',
  fails: 'must fail'
}

/** One line for a terminal. */
export function resultLine(result: ReleaseResult): string {
  const { release, failure, seconds } = result
  const mark = result.isAsExpected ? 'ok   ' : 'WRONG'
  const what = failure === undefined ? 'wheel' : `${failure.class}/${failure.cause}: ${failure.reason}`
  return `${mark} ${release.padEnd(36)} ${seconds.toFixed(0).padStart(4)} s  ${what}`
}

/** docs/sixty-releases.md, from all results there are. */
export function sixtyPage(results: ResultsFile): string {
  const [full, bare] = [resultsOf(results, 'toolchain'), resultsOf(results, 'bare')]
  return [
    '# Sixty real releases',
    '',
    'Written by `npm run prove:sixty`; do not edit. The releases are named in `scripts/sixty-releases/releases.ts`, and built by the',
    'builder that a node has: the same sandbox, the same limits, two at once. `wheel` is what must come of all but the last five,',
    'each of which must fail for a reason of its own that no builder can help.',
    '',
    ...rateLines('With the toolchain list', full),
    ...rateLines('Without it', bare),
    '',
    'Without: a root with `gcc`, `python3-dev` and nothing else of `config/toolchain-apt.txt`. There a release that needs something of',
    'the list must fail as `missing-dependency` and name one of the packages that it wants, since that is what the queue waits for.',
    '',
    ...tableOf('With the toolchain list', results, 'toolchain'),
    ...tableOf('Without it', results, 'bare'),
    ''
  ].join('\n')
}

function resultsOf(results: ResultsFile, pass: Pass): readonly ReleaseResult[] {
  return SIXTY.flatMap((one) => results.get(pass, releaseText(one)) ?? [])
}

function rateLines(title: string, results: readonly ReleaseResult[]): readonly string[] {
  if (results.length === 0) return [`- **${title}**: not run.`]
  const built = results.filter(({ wheel }) => wheel !== undefined).length
  const right = results.filter((result) => result.isAsExpected).length
  // Of the whole list: what was not run is no success.
  const buildable = SIXTY.filter(({ kind }) => kind !== 'fails').length
  const unrun = SIXTY.length - results.length
  const percent = ((100 * built) / buildable).toFixed(0)
  const first = results[0]
  return [
    `- **${title}**: ${built} of ${buildable} that can be built are built (${percent} %); ${right} of ${results.length} came as they must, ${unrun} not run` +
      ` (${first?.os ?? ''}, Python ${first?.python ?? ''}).`
  ]
}

function tableOf(title: string, results: ResultsFile, pass: Pass): readonly string[] {
  return [
    `## ${title}`,
    '',
    '| release | kind | expected | outcome | as it must | seconds | sandbox level | reason |',
    '| ------- | ---- | -------- | ------- | ---------- | ------- | ------------- | ------ |',
    ...SIXTY.map((one) => rowOf(one, results.get(pass, releaseText(one)))),
    ''
  ]
}

function rowOf(named: NamedRelease, result: ReleaseResult | undefined): string {
  const kind = KINDS[named.kind]
  if (result === undefined) return `| ${releaseText(named)} | ${kind} | | not run | | | | |`
  const { failure, expected, seconds, sandboxLevel } = result
  const outcome = failure === undefined ? 'wheel' : `\`${failure.class}\` / \`${failure.cause}\``
  const cells = [
    releaseText(named),
    kind,
    expected,
    outcome,
    result.isAsExpected ? 'yes' : '**no**',
    seconds.toFixed(1),
    String(sandboxLevel),
    (failure?.reason ?? '').replaceAll('|', '\\|')
  ]
  return `| ${cells.join(' | ')} |`
}

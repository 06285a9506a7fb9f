import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FailureCauses, type CauseFile, type PatternEntry } from '../../src/core/failure-causes.ts'
import { compileTemplate } from '../../src/core/line-template.ts'
import { logLines, MAX_LOG_LINE_CHARS } from '../../src/core/log-lines.ts'

const file = JSON.parse(
  readFileSync(new URL('../../config/failure-causes.json', import.meta.url), 'utf8')
) as CauseFile
const causes = new FailureCauses(file)

function match(template: string, line: string): readonly string[] | undefined {
  for (const one of compileTemplate(template)) {
    const found = one.match(line)
    if (found !== undefined) return [line.slice(found.start, found.end), ...found.groups]
  }
  return undefined
}

describe('templates', () => {
  test.for([
    ['fatal error: {path}: No such file', 'x.c:1: fatal error: a/b.h: No such file or directory', 'a/b.h'],
    ['^{name}: not found$', '  cmake: not found  ', 'cmake'],
    ["command '{program}' failed", "error: command '/usr/bin/gcc' failed with exit code 1", 'gcc'],
    ["No module named '{imp|cgi}'", "No module named 'cgi'", 'cgi'],
    ["Package '{name}', required by {...} not found", "Package 'x', required by 'y' and 'z', not found", 'x'],
    ['^{exception}: {rest}', '  setuptools.errors.SetupError: no  ', 'setuptools.errors.SetupError'],
    ['cannot find -l{name}', 'cannot find cannot find -lxslt: No', 'xslt']
  ] as const)('%s finds its words', ([template, line, group]) => {
    expect(match(template, line)?.[1]).toBe(group)
  })

  test.for([
    ['MemoryError', 'NoMemoryErrorHere'],
    ['^{name}: not found$', 'a b: not found'],
    ['^{exception}: {rest}', 'note: something'],
    ['^{exception}: {rest}', 'ValueError:'],
    ["No module named '{imp|cgi}'", "No module named 'imports'"],
    ['fatal error: {path}: No such file', 'fatal error: : No such file']
  ] as const)('%s is not in "%s"', ([template, line]) => {
    expect(match(template, line)).toBeUndefined()
  })

  test.for(['{nothing} here', '{rest}', '{path}: x', 'x{...}{path}'])('%s is no template', (template) => {
    expect(() => compileTemplate(template)).toThrow(TypeError)
  })
})

describe('the table', () => {
  const examples = file.patterns.flatMap((entry) =>
    entry.examples.map((line) => ({ id: `${entry.cause}: ${line}`, entry, line }))
  )

  /** A log that ends as the line of a real one does. */
  function logWith(
    { after, step }: PatternEntry,
    line: string
  ): { step: 'build' | 'requirements'; lines: string[] } {
    const before =
      after === undefined ? ['  running build_ext'] : [after.replace('{...}', 'python3.13/site-packages')]
    return {
      step: step === 'requirements' ? 'requirements' : 'build',
      lines: [...before, line, 'ERROR: Failed building wheel for demo']
    }
  }

  test.for(examples)('$id', ({ entry, line }) => {
    const { step, lines } = logWith(entry, line)
    const finding = causes.classify(step, lines)
    expect(finding).toMatchObject({ line: 1, failure: { cause: entry.cause } })
    expect(finding?.failure.reason).not.toMatch(/\$\d|\$apt/)
    expect(causes.find(finding!.failure, lines)).toEqual(finding)
  })

  test('every cause says what it is and what to do', () => {
    expect(Object.keys(file.causes).length).toBeGreaterThan(50)
    for (const [cause, { title, explanation, cure }] of Object.entries(file.causes)) {
      expect(cause).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
      expect([title, explanation, cure].filter((text) => text.length < 8 || text.length > 250)).toEqual([])
      expect([explanation, cure].every((text) => text.endsWith('.'))).toBe(true)
    }
  })

  test('every pattern has an example', () => {
    expect(file.patterns.filter(({ examples }) => examples.length === 0)).toEqual([])
  })

  test('a table that names no cause, kind or class of ours is refused', () => {
    const [pattern] = file.patterns
    const broken =
      (over: Partial<CauseFile>): (() => FailureCauses) =>
      () =>
        new FailureCauses({ ...file, ...over })
    expect(broken({ patterns: [{ ...pattern!, cause: 'unheard-of' }] })).toThrow('unheard-of')
    expect(broken({ patterns: [{ ...pattern!, lines: ['{colour} x'] }] })).toThrow('{colour}')
    const text = { class: 'odd', title: '', explanation: '', cure: '' }
    expect(broken({ causes: { ...file.causes, 'build-failed': text } })).toThrow('odd')
  })
})

describe('the failing line', () => {
  const lines = [
    "ModuleNotFoundError: No module named 'numpy'",
    'x.c:1:1: fatal error: one.h: No such file or directory',
    'y.c:1:1: fatal error: two.h: No such file or directory'
  ]

  test('is the one that gives the very reason, though another comes first', () => {
    const finding = causes.find({ cause: 'missing-header', reason: 'the header two.h is missing' }, lines)
    expect([finding?.line, lines[2]!.slice(finding?.start, finding?.end)]).toEqual([
      2,
      'fatal error: two.h: No such file or directory'
    ])
  })

  test('is found below a reason that was added to', () => {
    const reason = 'the header two.h is missing; no node of the mesh has what it needs'
    expect(causes.find({ cause: 'missing-header', reason }, lines)?.line).toBe(2)
  })

  test('is the first of its cause when the reason is of another version', () => {
    expect(causes.find({ cause: 'missing-header', reason: 'told otherwise' }, lines)?.line).toBe(1)
  })

  test('is nowhere for a cause that no line tells, or that nobody knows', () => {
    expect(causes.find({ cause: 'timeout', reason: 'x' }, lines)).toBeUndefined()
    expect(causes.find({ cause: 'from-the-future', reason: 'x' }, lines)).toBeUndefined()
  })

  test('names the package to install when it is known', () => {
    const [finding] = ['fatal error: ffi.h: No such file or directory'].map((line) =>
      causes.classify('build', [line])
    )
    expect(finding?.apt).toBe('libffi-dev')
  })
})

describe('logs of strangers', () => {
  test('lines are bounded, and nothing in them orders a terminal about', () => {
    const { lines } = logLines(`\u001b[1;31merror:\u001b[0m x\u202e\r\n${'y'.repeat(50_000)}\n\tlast`)
    expect(lines[0]).toBe('error: x')
    expect(lines[1]).toHaveLength(MAX_LOG_LINE_CHARS + 1)
    expect(lines[2]).toBe('\tlast')
  })

  test('whatever they hold, a match lies within its line', () => {
    const words = fc.constantFrom(
      ...file.patterns.flatMap(({ lines: texts }) => texts.flatMap((text) => text.split(/[{}]/)))
    )
    const line = fc.array(fc.oneof(words, fc.string({ unit: 'binary', maxLength: 5 })), { maxLength: 12 })
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), (parts) => {
        const { lines } = logLines(parts.map((one) => one.join('')).join('\n'))
        const finding = causes.classify('build', lines)
        if (finding === undefined) return
        expect(finding.end).toBeGreaterThan(finding.start)
        expect(finding.end).toBeLessThanOrEqual(lines[finding.line]!.length)
        expect(finding.failure.reason).not.toMatch(/[\p{Cc}\p{Cf}]/u)
      }),
      { numRuns: 40 }
    )
  })
})

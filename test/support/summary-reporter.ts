import type { Reporter, SerializedError, TestModule } from 'vitest/node'

/** Ends a run with one plain line that a script can read: `3 passed, 0 failed, 0 skipped`. Vitest wants a default export. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const inState = (state: string): number => tests.filter((test) => test.result().state === state).length
    const passed = inState('passed')
    const failed = inState('failed')
    const failedOutsideTests = modules.reduce(
      (sum, module) => sum + brokenParts(module),
      unhandledErrors.length
    )
    console.log(
      `${passed} passed, ${failed + failedOutsideTests} failed, ${tests.length - passed - failed} skipped`
    )
  }
}

/** A file that did not load and a hook that threw run no test: without them such a run would count as clean. */
function brokenParts(module: TestModule): number {
  const suites = [...module.children.allSuites()]
  return [module, ...suites].filter((part) => part.errors().length > 0).length
}

import { defineConfig } from 'vitest/config'

const setupFiles = ['src/node/polyfills.ts']

export default defineConfig({
  test: {
    reporters: ['default', './test/support/summary-reporter.ts'],
    coverage: { provider: 'v8', include: ['src/**/*.ts'], exclude: ['src/dashboard/**'] },
    projects: [
      {
        test: {
          name: 'unit',
          setupFiles,
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**'],
          testTimeout: 20_000
        }
      },
      {
        // Real processes, sockets and sandboxes, which wait more than they work: two files at a time, after the unit tests.
        test: {
          name: 'e2e',
          setupFiles,
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 }
        }
      }
    ]
  }
})

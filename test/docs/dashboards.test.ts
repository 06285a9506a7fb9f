import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

/** Metrics of the page, with their labels. */
const page = new Map(
  read('docs/metrics.md')
    .split('\n')
    .flatMap((line) => {
      const [, name, labels] = /^\| `(commonwheel_\w+)` \| \w+ \| ([^|]*) \|/.exec(line) ?? []
      return name === undefined ? [] : [[name, (labels ?? '').match(/\w+/g) ?? []] as const]
    })
)
/** Every series has these, from Prometheus. */
const OF_PROMETHEUS = ['job', 'instance']

test.for(['config/prometheus-alerts.yml', 'config/grafana-dashboard.json'])(
  '%s asks for nothing that a node does not say',
  (path) => {
    const asked = read(path)
      .replaceAll('\\"', '"')
      .matchAll(/(commonwheel_[a-z_0-9]+)(?:\{([^}]*)\})?/g)
    const series = [...asked]
    expect(series.length).toBeGreaterThan(5)
    for (const [text, name = '', matchers = ''] of series) {
      expect(page.has(name), `${name} is not in docs/metrics.md`).toBe(true)
      const labels = (matchers.match(/\w+(?=!?=~?)/g) ?? []).filter((label) => !OF_PROMETHEUS.includes(label))
      for (const label of labels) expect(page.get(name), text).toContain(label)
    }
  }
)

test('each alert says how bad it is, what is, and the cure', () => {
  const alerts = read('config/prometheus-alerts.yml').split('- alert: ').slice(1)
  expect(alerts.length).toBeGreaterThan(5)
  for (const alert of alerts)
    expect(alert).toMatch(/for: [^]*severity: (warning|critical)[^]*summary: [^]*cure: /)
})

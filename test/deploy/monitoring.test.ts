/** The alerts and the dashboard name metrics that exist, and every alert fires when it should. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { createMetrics } from '../../src/observability/metrics.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { tempFolder } from '../support/temp-folder.ts'

const read = (path: string): string => readFileSync(join(PACKAGE_FOLDER, path), 'utf8')

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

interface Panel {
  readonly id: number
  readonly title: string
  readonly targets?: readonly { readonly expr: string }[]
}

const { groups } = parse(read('deploy/alerts.yml')) as { groups: { rules: Rule[] }[] }
const rules = groups.flatMap((group) => group.rules)
const { panels } = JSON.parse(read('deploy/grafana/logpr.json')) as { panels: Panel[] }
const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))

/** Names of the series that a scrape may return. */
function seriesNames(): Set<string> {
  const metrics = createMetrics()
  metrics.ofModel('m', { queuedTokens: () => 0, queuedSequences: () => 0, engineRestarts: () => 0, enginesReady: () => 0, isReady: () => true })
  const names = metrics.registry.getMetricsAsArray().map(({ name }) => name)
  return new Set(names.flatMap((name) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]))
}

const namesIn = (expression: string): string[] => [...expression.matchAll(/\blogpr_\w+/g)].map(([name]) => name)

describe('deploy/alerts.yml and deploy/grafana/logpr.json', () => {
  test('name only metrics that the service has', () => {
    const known = seriesNames()
    const used = [...rules.map(({ expr }) => expr), ...expressions].flatMap(namesIn)
    assert.ok(used.length > 30)
    assert.deepEqual(
      used.filter((name) => !known.has(name)),
      []
    )
  })

  test('show every metric of the service itself in a panel', () => {
    const shown = new Set(expressions.flatMap(namesIn).map((name) => name.replace(/_(?:bucket|sum|count)$/, '')))
    const own = createMetrics()
    own.ofModel('m', { queuedTokens: () => 0, queuedSequences: () => 0, engineRestarts: () => 0, enginesReady: () => 0, isReady: () => true })
    const names = own.registry.getMetricsAsArray().map(({ name }) => name)
    const missing = names.filter((name) => !/^logpr_(?:process|nodejs)_/.test(name) && !shown.has(name) && name !== 'logpr_queue_sequences')
    assert.deepEqual(missing, [])
  })

  test('every alert has a severity, a summary and a line of its runbook', () => {
    for (const { alert, labels, annotations } of rules) {
      assert.match(labels.severity ?? '', /^(?:warning|critical)$/, alert)
      assert.ok(annotations.summary, alert)
      assert.ok((annotations.runbook ?? '').length > 30, alert)
    }
  })

  test('every panel has its own id, and titles that a row groups', () => {
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
    assert.ok(panels.every(({ title }) => title !== ''))
  })

  test('every alert has a test on series that make it fire', () => {
    const { tests } = parse(read('test/data/alerts.test.yml')) as { tests: { name: string }[] }
    assert.deepEqual([...new Set(tests.map(({ name }) => name))].sort(), rules.map(({ alert }) => alert).sort())
  })

  test('every alert on requests watches all endpoints that clients use', () => {
    const { paths } = parse(read('openapi.yaml')) as { paths: Record<string, Record<string, { tags: string[] }>> }
    const used = Object.entries(paths).filter(([, operations]) => Object.values(operations).every(({ tags }) => !tags.includes('Operations')))
    const onRequests = rules.filter(({ expr }) => expr.includes('logpr_http_'))
    assert.deepEqual([used.length > 10, onRequests.length], [true, 3])
    for (const { alert, expr } of onRequests) {
      const routes = [...expr.matchAll(/route=~"([^"]+)"/g)].map(([, pattern]) => new RegExp(`^(?:${pattern})$`))
      for (const [path] of used)
        assert.ok(
          routes.some((route) => route.test(path)),
          `${alert}: ${path}`
        )
    }
  })
})

const hasPromtool = spawnSync('promtool', ['--version']).error === undefined
const options = hasPromtool ? {} : { skip: 'promtool is not installed (Debian: apt-get install prometheus)' }

describe('promtool', options, () => {
  const promtool = (...args: string[]): void => {
    const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: PACKAGE_FOLDER, encoding: 'utf8' })
    assert.equal(status, 0, stdout + stderr)
  }

  test('accepts the rules and the configuration of Prometheus', () => {
    promtool('check', 'rules', 'deploy/alerts.yml')
    promtool('check', 'config', '--syntax-only', 'deploy/prometheus.yml')
  })

  test('sees every alert fire, and none before its time', () => promtool('test', 'rules', 'test/data/alerts.test.yml'))

  test('accepts every expression of the dashboard', (t) => {
    const rule = (expr: string, i: number) => ({ record: `panel:${i}`, expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$__range', '1h') })
    const file = join(tempFolder(t), 'dashboard.yml')
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules: expressions.map(rule) }] }))
    promtool('check', 'rules', file)
  })
})

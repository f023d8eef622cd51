import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { FastifyInstance, HTTPMethods } from 'fastify'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { loadingApp } from '../support/loading-app.ts'

interface Route {
  readonly method: HTTPMethods
  readonly path: string
}

let app: FastifyInstance

before(async () => {
  app = (await loadingApp({ key: 'a-key-of-sixteen-and-more' })).app
  await app.ready()
})
after(() => app.close())

/** Every registered route once a method, read from the router's own drawing: four columns of indentation a level. */
function registeredRoutes(): Route[] {
  const prefixes: string[] = []
  return app
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .flatMap((line) => {
      const [, indent, part, methods] = /^(.*?[├└]── )(\S+) \(([A-Z, ]+)\)$/u.exec(line) ?? []
      if (indent === undefined || part === undefined || methods === undefined) return []
      const level = indent.length / 4 - 1
      const parent = level === 0 ? '' : (prefixes[level - 1] ?? '')
      // A wildcard is drawn without the slash before it.
      const path = `${parent}${part === '*' && !parent.endsWith('/') ? '/' : ''}${part}`
      prefixes[level] = path
      return methods.split(', ').map((method) => ({ method: method as HTTPMethods, path }))
    })
}

/** Paths in the first column of the table in SECURITY.md. */
function documentedPaths(): string[] {
  const table = readFileSync(join(PACKAGE_FOLDER, 'SECURITY.md'), 'utf8').split('| open route |')[1]?.split('\n\n')[0] ?? ''
  return table.split('\n').flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, path]) => path ?? ''))
}

async function needsKey({ method, path }: Route): Promise<boolean> {
  const url = path.replace(':id', 'small').replace('*', 'anything')
  return (await app.inject({ method: method as 'GET', url })).statusCode === 401
}

describe('the open routes in SECURITY.md', () => {
  test('are exactly those that ask for no key', async () => {
    const routes = registeredRoutes()
    const documented = documentedPaths()
    const isDocumented = (path: string): boolean => documented.some((known) => (known.endsWith('/*') ? path.startsWith(known.slice(0, -1)) : path === known))
    const wrong: string[] = []
    for (const route of routes) if ((await needsKey(route)) === isDocumented(route.path)) wrong.push(`${route.method} ${route.path}`)
    assert.deepEqual(wrong, [])
    assert.ok(routes.length > 30, `${routes.length} routes were found`)
  })

  test('all exist', () => {
    const paths = new Set(registeredRoutes().map(({ path }) => path))
    assert.deepEqual(
      documentedPaths().filter((path) => !path.endsWith('/*') && !paths.has(path)),
      []
    )
  })
})

for (const page of ['/', '/docs/'])
  test(`the browser may load parts of ${page} from the service alone`, async () => {
    const { statusCode, headers } = await app.inject(page)
    assert.equal(statusCode, 200)
    const policy = String(headers['content-security-policy'])
    assert.match(policy, /default-src '(?:self|none)'/)
    assert.doesNotMatch(policy, /https?:|[a-z]\.[a-z]|\*/)
  })

import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, FastifySchema } from 'fastify'
import { LOGPR_VERSION } from '../../process/package-info.ts'
import { ERROR_SCHEMAS } from '../schemas/error.ts'
import { REQUEST_EXAMPLES } from '../schemas/examples.ts'
import { FIELD_RULES } from '../schemas/field-rules.ts'
import type { Schema } from '../schemas/json-schema.ts'

const DESCRIPTION = [
  'Exact log-probabilities of text under a causal language model, in nats, with checks that report scores that cannot be trusted.',
  'Every POST is a pure function of its body, so it is safe to repeat.',
  '',
  '**Headers of requests.** `Authorization: Bearer KEY` where the service has keys. `x-request-timeout-ms` shortens the deadline.',
  '`x-priority: batch` lets interactive requests go first. `x-request-id` names the request in the log and comes back with the response.',
  '',
  '**Errors.** Each has a stable `code`, and each operation lists its codes by status. 429 and 503 have `Retry-After`.',
  'Besides, any request can be answered 405 `method_not_allowed`, 417 `expectation_failed` or 431 `headers_too_large`.',
  '',
  '**Responses.** A later version may add fields, warnings and codes; ignore those that you do not know.'
].join('\n')

const TAGS = [
  { name: 'Scoring', description: 'Log-probabilities of texts, losses and rankings, and checks of what others reported.' },
  { name: 'Models', description: 'The served models and their tokenizers.' },
  { name: 'Operations', description: 'Probes, metrics, versions and this description. None requires an API key.' }
]

/** Builds the API description from the route schemas and serves it at /docs. Must be registered before the routes. */
export async function registerOpenapi(app: FastifyInstance, hasKeys: boolean, basePath: string): Promise<void> {
  for (const [name, schema] of Object.entries(ERROR_SCHEMAS)) app.addSchema({ $id: name, ...schema })
  await app.register(swagger, {
    transform: ({ schema, url }) => ({ schema: schemaShown(schema), url }),
    transformObject: (document) => ('openapiObject' in document ? withNamedComponents(document.openapiObject) : document.swaggerObject),
    refResolver: { buildLocalReference: ({ $id }, _baseUri, _fragment, i) => ($id === undefined ? `def-${i}` : String($id)) },
    convertConstToEnum: false,
    openapi: {
      openapi: '3.1.0',
      info: { title: 'logpr', description: DESCRIPTION, version: LOGPR_VERSION, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
      servers: [{ url: basePath === '' ? '/' : basePath, description: 'The service that shows this description.' }],
      tags: TAGS,
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'Required when the service has API keys.' } } },
      security: hasKeys ? [{ key: [] }] : [{}, { key: [] }]
    }
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    ...(basePath === '' ? {} : { indexPrefix: basePath }),
    staticCSP: true,
    // The script of Swagger UI sets style attributes. Its defaults let the browser contact other machines.
    transformStaticCSP: (header) =>
      header
        .replace("style-src 'self' https:", "style-src 'self' 'unsafe-inline'")
        .replace("font-src 'self' https: data:", "font-src 'self' data:")
        .replace('validator.swagger.io', ''),
    theme: { title: 'logpr API' },
    uiConfig: { tryItOutEnabled: true }
  })
}

/**
 * A route's schema as it is shown: with examples, and with the rules between the fields of its body, which the routes
 * apply themselves. The rules are in `then`, which generators of clients ignore: from `allOf` beside the fields they
 * make types that nobody can read.
 */
function schemaShown(schema: FastifySchema): FastifySchema {
  const { operationId = '', tags } = schema ?? {}
  const examples = REQUEST_EXAMPLES[operationId]
  const rules = FIELD_RULES[operationId]
  const additions = {
    ...(examples === undefined ? {} : { 'x-examples': examples }),
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    ...(rules === undefined ? {} : { if: {}, then: { allOf: rules } })
  }
  return {
    ...schema,
    ...(schema?.body === undefined ? {} : { body: { ...jsonBody(schema.body as Body), ...additions } }),
    ...(tags?.includes('Operations') ? { security: [] } : {})
  }
}

type Body = Schema & { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }

/** The schema of a JSON body. Generators of clients warn of other media types; operations describe those in words. */
function jsonBody(body: Body): Schema {
  return body.content?.['application/json']?.schema ?? body
}

type Components = Record<string, Schema>

/** Values that are data, not schemas: a title in them names nothing. */
const DATA: ReadonlySet<string> = new Set(['const', 'default', 'enum', 'example', 'examples'])
const COMPONENT_NAME = /^[A-Z][A-Za-z0-9]*$/

/**
 * Moves every schema with a name (`named` in schemas/json-schema.ts) to the components of an OpenAPI document and
 * refers to it by that name. The routes keep their whole schemas, so validation is the same with and without names.
 *
 * Throws when two different schemas have the same name.
 */
function withNamedComponents<Document extends { readonly paths?: unknown; readonly components?: object | undefined }>(document: Document): Document {
  const schemas: Components = {}
  moved(document.components, schemas)
  const paths = moved(document.paths, schemas)
  const sorted = Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)))
  return { ...document, components: { ...document.components, schemas: sorted }, paths }
}

function moved(value: unknown, schemas: Components): unknown {
  if (Array.isArray(value)) return value.map((item) => moved(item, schemas))
  if (typeof value !== 'object' || value === null) return value
  const { title, ...rest } = value as Readonly<Record<string, unknown>>
  const inner = Object.fromEntries(Object.entries(rest).map(([key, item]) => [key, DATA.has(key) ? item : moved(item, schemas)]))
  if (typeof title !== 'string' || !COMPONENT_NAME.test(title)) return title === undefined ? inner : { title: moved(title, schemas), ...inner }
  const known = schemas[title]
  if (known !== undefined && JSON.stringify(known) !== JSON.stringify(inner)) throw new Error(`two different schemas have the name ${title}`)
  schemas[title] = inner
  return { $ref: `#/components/schemas/${title}` }
}

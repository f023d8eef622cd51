import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, FastifySchema } from 'fastify'
import { LOGPR_VERSION } from '../../process/package-info.ts'
import { PROBLEM } from '../schemas/error.ts'
import { FIELD_RULES } from '../schemas/field-rules.ts'
import { RERANK_RESPONSE, TEI_PROBLEM } from '../schemas/rerank.ts'

const DESCRIPTION = `Exact log-probabilities of text under a causal language model, in nats, with checks that report scores that cannot be
trusted. Every POST is a pure function of its body, so it is safe to repeat.`

/** Builds the API description from the route schemas and serves it at /docs. Must be registered before the routes. */
export async function registerOpenapi(app: FastifyInstance, hasKeys: boolean): Promise<void> {
  for (const [name, schema] of Object.entries(NAMED_SCHEMAS)) app.addSchema({ $id: name, ...schema })
  await app.register(swagger, {
    transform: ({ schema, url }) => ({ schema: withFieldRules(schema), url }),
    refResolver: { buildLocalReference: ({ $id }, _baseUri, _fragment, i) => ($id === undefined ? `def-${i}` : String($id)) },
    openapi: {
      openapi: '3.1.0',
      info: { title: 'logpr', description: DESCRIPTION, version: LOGPR_VERSION, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
      tags: [{ name: 'Scoring' }, { name: 'Models' }, { name: 'Operations' }],
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'Required when the service has API keys.' } } },
      security: hasKeys ? [{ key: [] }] : [{}, { key: [] }]
    }
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    // The script of Swagger UI sets style attributes. Its defaults let the browser contact other machines.
    transformStaticCSP: (header) =>
      header
        .replace("style-src 'self' https:", "style-src 'self' 'unsafe-inline'")
        .replace("font-src 'self' https: data:", "font-src 'self' data:")
        .replace('validator.swagger.io', ''),
    uiConfig: { tryItOutEnabled: true }
  })
}

/** A route's schema with the rules between the fields of its body, which the routes apply themselves. */
function withFieldRules(schema: FastifySchema): FastifySchema {
  const rules = FIELD_RULES[schema?.operationId ?? '']
  return rules === undefined ? schema : { ...schema, body: { ...(schema.body as object), allOf: rules } }
}

/** Schemas that `referenceTo` refers to; they become the components of the API description. */
const NAMED_SCHEMAS = { Problem: PROBLEM, RerankResponse: RERANK_RESPONSE, TeiProblem: TEI_PROBLEM } as const

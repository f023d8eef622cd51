import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { LOGPR_VERSION } from '../../package-info.ts'
import { NAMED_SCHEMAS } from '../schemas/named.ts'

const DESCRIPTION = `Exact log-probabilities of text under a causal language model, in nats, with checks that say when a number cannot be
trusted. Every POST is a pure function of its body: repeating one is safe.`

/** The description is made from the route schemas; /docs shows it. Register before the routes. */
export async function registerOpenapi(app: FastifyInstance, hasKeys: boolean): Promise<void> {
  for (const [name, schema] of Object.entries(NAMED_SCHEMAS)) app.addSchema({ $id: name, ...schema })
  await app.register(swagger, {
    refResolver: { buildLocalReference: ({ $id }, _baseUri, _fragment, i) => ($id === undefined ? `def-${i}` : String($id)) },
    openapi: {
      openapi: '3.1.0',
      info: { title: 'logpr', description: DESCRIPTION, version: LOGPR_VERSION, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
      tags: [{ name: 'Scoring' }, { name: 'Models' }, { name: 'Operations' }],
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'Needed when the service was given API keys.' } } },
      security: hasKeys ? [{ key: [] }] : [{}, { key: [] }]
    }
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    // Its own script sets style attributes.
    transformStaticCSP: (header) => header.replace("style-src 'self' https:", "style-src 'self' 'unsafe-inline'"),
    uiConfig: { tryItOutEnabled: true }
  })
}

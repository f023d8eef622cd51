import type { FastifyPluginAsync } from 'fastify'
import { stringify } from 'yaml'
import type { Metrics } from '../../observability/metrics.ts'
import { LOGPR_VERSION, ONNXRUNTIME_VERSION } from '../../process/package-info.ts'
import { named, objectOf, response, string } from '../schemas/json-schema.ts'

const VERSIONS = named(
  'Versions',
  objectOf(
    { logpr: string('Of logpr.'), node: string('Of Node.js, such as v24.1.0.'), onnxruntime: string('Of ONNX Runtime.') },
    {},
    'Versions of the service.'
  )
)

/** Versions and metrics, on the management port when there is one; neither requires an API key. */
export const operationRoutes: FastifyPluginAsync<{ metrics: Metrics }> = async (app, { metrics: { registry } }) => {
  app.get(
    '/version',
    {
      schema: {
        operationId: 'version',
        summary: 'Show the versions of logpr, Node and onnxruntime',
        description: 'Stays the same while the process runs.',
        tags: ['Operations'],
        response: { 200: response('The versions.', VERSIONS) }
      }
    },
    async () => ({ logpr: LOGPR_VERSION, node: process.version, onnxruntime: ONNXRUNTIME_VERSION })
  )

  app.get(
    '/metrics',
    {
      schema: {
        operationId: 'metrics',
        summary: 'Expose Prometheus metrics',
        description: 'In the Prometheus text format; docs/reference/metrics.md explains each.',
        tags: ['Operations'],
        response: { 200: response('The metrics in the Prometheus text format.', string(), 'text/plain') }
      }
    },
    async (_, reply) => reply.type(registry.contentType).send(await registry.metrics())
  )
}

/** The API description of the port that serves it; it requires no API key. */
export const descriptionRoutes: FastifyPluginAsync = async (app) => {
  let yaml: string | undefined
  app.get(
    '/openapi.json',
    {
      schema: {
        operationId: 'openapiJson',
        summary: 'Get this API description as JSON',
        description: 'GET /openapi.yaml has the same as YAML, and GET /docs shows it.',
        tags: ['Operations'],
        response: { 200: response('The OpenAPI 3.1 document.', { type: 'object' }) }
      }
    },
    async () => app.swagger()
  )

  app.get(
    '/openapi.yaml',
    {
      // Generators of clients warn of a media type that they do not know.
      schema: { hide: true }
    },
    async (_, reply) => {
      yaml ??= renderOpenapiYaml(app.swagger())
      return reply.type('application/yaml').send(yaml)
    }
  )
}

/** Quotes what YAML 1.1 reads as a boolean: PyYAML and others still do, and `on` is a field name. */
export function renderOpenapiYaml(document: object): string {
  return stringify(JSON.parse(JSON.stringify(document)), { aliasDuplicateObjects: false, lineWidth: 120, version: '1.1' })
}

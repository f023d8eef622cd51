import type { FastifyPluginAsync } from 'fastify'
import { stringify } from 'yaml'
import { LOGPR_VERSION, ONNXRUNTIME_VERSION } from '../../process/package-info.ts'
import { objectOf, response, string } from '../schemas/json-schema.ts'
import type { Service } from '../served-model.ts'

export const operationRoutes: FastifyPluginAsync<{ service: Service }> = async (app, { service }) => {
  app.get(
    '/version',
    {
      schema: {
        operationId: 'version',
        summary: 'Versions of logpr and of what it runs on',
        tags: ['Operations'],
        response: { 200: response('The versions.', objectOf({ logpr: string(), node: string(), onnxruntime: string() })) }
      }
    },
    async () => ({ logpr: LOGPR_VERSION, node: process.version, onnxruntime: ONNXRUNTIME_VERSION })
  )

  app.get(
    '/metrics',
    {
      schema: {
        operationId: 'metrics',
        summary: 'Prometheus metrics',
        tags: ['Operations'],
        response: { 200: response('In the Prometheus text format.', string(), 'text/plain') }
      }
    },
    async (_, reply) => reply.type(service.metrics.registry.contentType).send(await service.metrics.registry.metrics())
  )

  app.get(
    '/openapi.json',
    {
      schema: {
        operationId: 'openapiJson',
        summary: 'This description as JSON',
        tags: ['Operations'],
        response: { 200: response('OpenAPI 3.1.', { type: 'object' }) }
      }
    },
    async () => app.swagger()
  )

  app.get(
    '/openapi.yaml',
    {
      schema: {
        operationId: 'openapiYaml',
        summary: 'This description as YAML',
        tags: ['Operations'],
        response: { 200: response('OpenAPI 3.1.', string(), 'application/yaml') }
      }
    },
    async (_, reply) => reply.type('application/yaml').send(renderOpenapiYaml(app.swagger()))
  )
}

export function renderOpenapiYaml(document: object): string {
  return stringify(JSON.parse(JSON.stringify(document)), { aliasDuplicateObjects: false, lineWidth: 120 })
}

import assert from 'node:assert/strict'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { Asked } from './asked.ts'
import { present } from './present.ts'

type Schema = Readonly<Record<string, unknown>>

interface Media {
  readonly schema: Schema
  readonly examples?: Readonly<Record<string, { readonly summary: string; readonly value: object }>>
}

export interface Operation {
  readonly operationId: string
  readonly summary?: string
  readonly description?: string
  readonly tags: readonly string[]
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly description?: string; readonly example?: string }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> }
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: Readonly<Record<string, Media>> }>>
}

interface OpenapiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

/** An operation of the API description and where it is. */
export interface DescribedOperation extends Operation {
  readonly method: 'GET' | 'POST'
  /** With the examples of its parameters. */
  readonly path: string
  readonly examples: readonly object[]
}

/** The API description that a service serves, against which its responses can be checked. */
export class ApiDescription {
  readonly document: OpenapiDocument
  readonly operations: readonly DescribedOperation[]
  readonly #ajv = new Ajv2020({ allowUnionTypes: true, strictRequired: false, strictTypes: false })
  readonly #validators = new Map<string, ValidateFunction>()
  readonly #definitions: Schema

  constructor(document: OpenapiDocument) {
    this.document = document
    this.operations = Object.entries(document.paths).flatMap(([template, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        ...operation,
        method: method.toUpperCase() as 'GET' | 'POST',
        path: (operation.parameters ?? []).reduce((path, { name, example = '' }) => path.replace(`{${name}}`, example), template),
        examples: Object.values(operation.requestBody?.content['application/json']?.examples ?? {}).map(({ value }) => value)
      }))
    )
    this.#ajv.addVocabulary(['discriminator'])
    this.#definitions = closed(document.components.schemas) as Schema
  }

  static async of(service: Pick<Asked, 'get'>): Promise<ApiDescription> {
    return new ApiDescription((await (await service.get('/openapi.json')).json()) as OpenapiDocument)
  }

  operation(id: string): DescribedOperation {
    return present(
      this.operations.find(({ operationId }) => operationId === id),
      id
    )
  }

  /** The codes that an operation lists for a status. */
  codes({ responses }: Operation, status: number): string[] {
    return [...(responses[status]?.description ?? '').matchAll(/`([a-z_0-9]+)`/g)].map(([, code]) => present(code))
  }

  /**
   * Asserts that the response has a status, media type and body that the operation lists, without any other field, and
   * an error one of the codes of its status. Returns the code of an error.
   */
  async assertDescribed(operation: DescribedOperation, response: Response): Promise<string | null> {
    const text = await response.text()
    const place = `${operation.operationId} ${response.status}: ${text.slice(0, 300)}`
    const mediaType = present(response.headers.get('content-type')?.split(';')[0], place)
    const media = present(operation.responses[response.status]?.content[mediaType], `${mediaType} of ${place}`)
    if (mediaType === 'text/plain') return null
    const bodies = mediaType === 'application/x-ndjson' ? text.trimEnd().split('\n') : [text]
    const validate = this.#validator(`${operation.operationId} ${response.status} ${mediaType}`, media.schema)
    for (const body of bodies) {
      const value = JSON.parse(body) as { readonly code?: string }
      assert.ok(validate(value), `${this.#ajv.errorsText(validate.errors)} of ${place}`)
      if (response.status < 400 || value.code === undefined) continue
      assert.ok(this.codes(operation, response.status).includes(value.code), `${value.code} is not listed for ${place}`)
      return value.code
    }
    return null
  }

  #validator(key: string, schema: Schema): ValidateFunction {
    const known = this.#validators.get(key)
    const validate = known ?? this.#ajv.compile({ $defs: this.#definitions, ...(closed(schema) as Schema) })
    this.#validators.set(key, validate)
    return validate
  }
}

/** A schema whose objects have no other fields than those it lists, with its references to `$defs`. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).map(([key, item]): [string, unknown] => [
    key,
    key === '$ref' ? (item as string).replace('#/components/schemas/', '#/$defs/') : key === 'discriminator' ? {} : closed(item)
  ])
  const isObject = 'type' in value && value.type === 'object' && 'properties' in value && !('additionalProperties' in value)
  return { ...Object.fromEntries(fields), ...(isObject ? { additionalProperties: false } : {}) }
}

import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { didYouMeanFields } from '../config/nearest-name.ts'
import { ServiceError, serviceErrorFrom } from '../errors.ts'
import { type JsonLine, JsonLines } from '../json/json-lines.ts'
import type { AjvFault } from '../json/schema-fault.ts'
import { pairItems, type RequestedPair } from '../logprob/expand-request.ts'
import type { ItemSource, SourcedItem } from '../logprob/item-source.ts'
import { invalidRequest } from './invalid-request.ts'
import { arrivedBody, type BodyLimits, jsonLimitsOf, type OnArrived } from './plugins/json-body.ts'
import { LOGPROB_PAIR, LOGPROB_REQUEST } from './schemas/logprob.ts'
import { LOGPROB_OPTIONS_LINE, type LogprobOptionsLine } from './schemas/logprob-lines.ts'

export const NDJSON = 'application/x-ndjson'

/** Fields that a line of options does not have. */
const PAIR_FIELDS: readonly string[] = Object.keys(LOGPROB_PAIR.properties)

/** A body of JSON Lines: options, which its first line may hold, and one pair per line, read when it is needed. */
export class LogprobLines implements ItemSource {
  readonly #lines: JsonLines
  readonly #request: FastifyRequest
  readonly #maxItems: number
  #options: LogprobOptionsLine = {}
  /** The first line that is no line of options, until it is taken. */
  #first: JsonLine | null = null
  #count = 0

  private constructor(lines: JsonLines, request: FastifyRequest, maxItems: number) {
    this.#lines = lines
    this.#request = request
    this.#maxItems = maxItems
  }

  /** Throws `invalid_json` for a body without pairs, and `invalid_request` for wrong options. */
  static async of(lines: JsonLines, request: FastifyRequest, maxItems: number): Promise<LogprobLines> {
    const body = new LogprobLines(lines, request, maxItems)
    const first = await lines.next()
    if (first === null) throw new ServiceError('invalid_json', 'the body has no lines; send one JSON object per line, with x and y')
    if (!isOptions(first.value)) {
      body.#first = first
      return body
    }
    try {
      body.#options = body.#valid(first, LOGPROB_OPTIONS_LINE) as LogprobOptionsLine
    } catch (error) {
      throw atLine(first.number, serviceErrorFrom(error))
    }
    body.#first = await lines.next()
    if (body.#first === null) throw new ServiceError('invalid_json', 'the body has options but no pairs; send one JSON object per line, with x and y')
    return body
  }

  get options(): LogprobOptionsLine {
    return this.#options
  }

  get model(): string | null {
    return this.#options.model ?? null
  }

  get takenShare(): number {
    return this.#first === null ? this.#lines.readShare : 0
  }

  async take(count: number): Promise<readonly SourcedItem[]> {
    const items: SourcedItem[] = []
    while (items.length < count) {
      const line = this.#first ?? (await this.#lines.next())
      this.#first = null
      if (line === null) break
      items.push(...this.#itemsOf(line))
    }
    this.#count += items.length
    return items.map((item, i) => withIndex(item, this.#count - items.length + i))
  }

  /** Their indices count from the first item of the line. */
  #itemsOf(line: JsonLine): readonly SourcedItem[] {
    try {
      const pair = this.#valid(line, LOGPROB_PAIR) as RequestedPair
      const items = pairItems(pair, { firstIndex: 0, line: line.number })
      if (items.length > this.#maxItems)
        throw new ServiceError('invalid_request', `y has ${items.length} outputs; the limit is ${this.#maxItems} (max-items): split the line`, { param: 'y' })
      return items
    } catch (error) {
      const place = { index: 0, id: idOf(line.value), candidate: 0, line: line.number }
      return [{ place, error: atLine(line.number, serviceErrorFrom(error)) }]
    }
  }

  #valid({ value, error }: JsonLine, schema: typeof LOGPROB_PAIR | typeof LOGPROB_OPTIONS_LINE): unknown {
    if (error !== null) throw error
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new ServiceError('invalid_request', 'the line is not a JSON object; write one object per line, with x and y')
    const validate = this.#request.getValidationFunction(schema) ?? this.#request.compileValidationSchema(schema)
    if (validate(value)) return value
    const fault = invalidRequest(validate.errors?.[0] as AjvFault, 'line')
    const { code, message, param = '' } = fault
    const isElsewhere = param in LOGPROB_REQUEST.properties && !(param in schema.properties)
    throw isElsewhere ? new ServiceError(code, `${message}; ${LAYOUT}`, { param }) : fault
  }
}

/** For fields that a JSON document has in another place. */
const LAYOUT = 'write one pair per line, and options only in the first line, without a pair'

function atLine(number: number, { code, message, param }: ServiceError): ServiceError {
  return new ServiceError(code, `line ${number}: ${message}`, param === undefined ? {} : { param })
}

/** An object with fields, none of which belongs to a pair. Misspelt options are options; `prompt` is a misspelt x. */
function isOptions(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const fields = Object.keys(value)
  if (fields.length === 0 || fields.some((field) => PAIR_FIELDS.includes(field))) return false
  return fields.some((field) => field in LOGPROB_OPTIONS_LINE.properties) || fields.every((field) => didYouMeanFields([field], PAIR_FIELDS) === '')
}

function withIndex(item: SourcedItem, index: number): SourcedItem {
  return 'place' in item ? { ...item, place: { ...item.place, index } } : { ...item, index }
}

/** A line that fails keeps its id. */
function idOf(value: unknown): string | null {
  const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : null
  return typeof id === 'string' && id.length <= LOGPROB_PAIR.properties.id.maxLength ? id : null
}

/** Accepts bodies of JSON Lines in this scope; the body of the request is then a `LogprobLines`. */
export function registerLogprobLines(app: FastifyInstance, config: BodyLimits, onArrived: OnArrived): void {
  const limits = jsonLimitsOf(config)
  app.addContentTypeParser(NDJSON, async (request: FastifyRequest, payload: IncomingMessage) => {
    const bytes = await arrivedBody(request, payload, config, onArrived)
    return LogprobLines.of(new JsonLines(bytes, limits), request, config.MAX_ITEMS)
  })
  app.addContentTypeParser('*', async () => {
    throw new ServiceError(
      'unsupported_media_type',
      `the body is not application/json or ${NDJSON}; send content-type: application/json for one JSON object, or content-type: ${NDJSON} for JSON Lines`
    )
  })
}

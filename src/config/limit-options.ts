import { integer, text } from './option-schema.ts'

/** The settings that bound what clients send and hold, in all and per client: requests, bodies, texts, connections. */
export const LIMIT_OPTIONS = {
  MAX_REQUESTS: integer({
    minimum: 1,
    default: 1024,
    description: 'Scoring requests in progress at the same time, over all models. Further requests get 429.'
  }),
  MAX_ITEMS: integer({ minimum: 1, default: 8192, description: 'Outputs, prompts or documents in one request. Larger requests get 400.' }),
  MAX_BODY_BYTES: integer({ minimum: 1024, default: 33_554_432, description: 'Largest request body in bytes. Larger bodies get 413.' }),
  MAX_TEXT_BYTES: integer({
    minimum: 1024,
    default: 8_388_608,
    description: 'Longest single text in bytes of the request, escapes included. A longer one gets 413 before anything is tokenized.'
  }),
  MAX_TOKENIZING_UNITS: integer({
    minimum: 1024,
    default: 16_777_216,
    description:
      'Largest amount of text that is being tokenized or waits for it, per model, in UTF-16 units. Beyond it a request gets 429; a request alone may have any size.'
  }),
  MAX_HELD_BYTES: integer({
    minimum: 1024,
    default: 268_435_456,
    description:
      'Bodies of all requests in progress and responses that clients have not read yet, in bytes. Beyond it a request gets 429, before its body is read. Must not be below max-body-bytes.'
  }),
  MAX_HELD_BYTES_PER_CLIENT: integer({
    minimum: 0,
    default: 0,
    description:
      'The part of max-held-bytes that one client can take, in bytes. A client is an API key, or where no key is required, an IPv4 address or IPv6 /64 network. 0 is half of max-held-bytes; raise it if all clients share one address.'
  }),
  MAX_CONNECTIONS: integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 2048,
    description: 'Open connections. Beyond it, a new connection replaces the one that has been without a request for longest, or gets 429 if all have one.'
  }),
  MAX_CONNECTIONS_PER_ADDRESS: integer({
    minimum: 0,
    maximum: 1_000_000,
    default: 0,
    description:
      'Open connections of one IPv4 address or IPv6 /64 network; further ones get 429. 0 is half of max-connections; raise it if all clients share one gateway.'
  }),
  REQUESTS_PER_MINUTE: integer({
    minimum: 0,
    default: 0,
    description:
      'Requests per minute of each client: an API key, or where no key is required, an IPv4 address or IPv6 /64 network. Further ones get 429 rate_limit_exceeded. 0 means no limit.'
  }),
  TOKENS_PER_MINUTE: integer({
    minimum: 0,
    default: 0,
    description: 'Tokens per minute that the model computes for each client. A client that has used them gets 429 rate_limit_exceeded. 0 means no limit.'
  }),
  RATE_LIMIT_REDIS_URL: text({
    default: '',
    description: 'Redis server through which several replicas count requests-per-minute together (redis://HOST:PORT); empty counts in each replica.'
  })
} as const

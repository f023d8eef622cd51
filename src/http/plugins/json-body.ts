import type { FastifyInstance } from 'fastify'
import { ServiceError } from '../../errors.ts'
import { guardJson } from '../../json/guard.ts'

// `ignoreBOM` keeps a byte-order mark, which JSON does not allow, so that it is refused and not dropped.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Bodies are decoded and parsed without altering anything: what cannot be taken as it stands is refused. */
export function registerJsonBody(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeContentTypeParser(['text/plain', 'application/json'])
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (body.length === 0) {
      done(new ServiceError('invalid_json', 'the body is empty; send a JSON object'))
      return
    }
    let text: string
    try {
      text = utf8.decode(body as Buffer)
      guardJson(text)
    } catch (error) {
      done(
        error instanceof ServiceError
          ? error
          : new ServiceError('invalid_utf8', 'the body is not valid UTF-8; encode it as UTF-8 before sending', { cause: error })
      )
      return
    }
    // The parser's own message quotes the text around the fault.
    parse(request, text, (error, value) => (error ? done(new ServiceError('invalid_json', 'the body is not valid JSON')) : done(null, value)))
  })
}

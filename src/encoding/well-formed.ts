import { ServiceError } from '../errors.ts'

/** Throws `invalid_text` for half of a UTF-16 pair. `param` is the path of the text in the request. */
export function assertWellFormed(text: string, param: string): void {
  if (text.isWellFormed()) return
  throw new ServiceError(
    'invalid_text',
    `${param} contains a lone surrogate (half of a UTF-16 pair), which no tokenizer can represent; check how the text was cut or decoded`,
    { param }
  )
}

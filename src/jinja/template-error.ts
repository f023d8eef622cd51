type TemplateErrorKind = 'raised' | 'failed' | 'limit' | 'unsupported' | 'syntax'

/**
 * Why a template cannot be rendered.
 *
 * - `raised`: it called `raise_exception`; the message is its own
 * - `failed`: jinja2 raises an error as well; the message names types and what the template spells, never a message
 * - `limit`: rendering would take too long or too much memory; jinja2 may render it
 * - `unsupported`: jinja2 renders it, and this renderer does not know how to do so exactly
 * - `syntax`: jinja2 cannot read it either
 */
export class TemplateError extends Error {
  readonly kind: TemplateErrorKind

  constructor(kind: TemplateErrorKind, message: string) {
    super(message)
    this.name = 'TemplateError'
    this.kind = kind
  }
}

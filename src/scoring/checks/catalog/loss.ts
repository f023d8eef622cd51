import { type CatalogEntry, FREE } from './entry.ts'

/** Checks of a training loss. */
export const LOSS_ENTRIES = {
  mask_sanity: {
    runs: ['loss'],
    condition: 'the loss covers the completion and nothing else',
    formula: 'unmasked ids spell y (and the end token); count > 0; first label at index >= 1; one label per token',
    tolerance: 'exact',
    cost: FREE,
    causes: ['no token is trained', 'a boundary lies inside a token', 'the chat template does not mark where the completion begins or ends'],
    advice: 'Read diagnosis.findings, which lists the affected tokens.'
  },
  loss_convention: {
    runs: ['loss'],
    condition: 'the reported loss is the mean over the completion',
    formula: '|reported - hypothesis| / |hypothesis| for every convention',
    tolerance: '1e-3 relative',
    cost: 'none without reported_loss; otherwise two passes with shifted labels, and one with an end token if the request has none',
    causes: ['the prompt was not masked', 'the labels are shifted by one', 'the loss is a sum, has another unit, or includes an end token'],
    advice: 'Read diagnosis.reported_loss, which names the convention that explains the value.'
  }
} as const satisfies Record<string, CatalogEntry>

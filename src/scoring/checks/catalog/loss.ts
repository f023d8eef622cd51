import { type CatalogEntry, FREE } from './entry.ts'

/** Checks of a training loss. */
export const LOSS_ENTRIES = {
  mask_sanity: {
    runs: ['loss'],
    condition: 'the loss is taken on the completion alone',
    formula: 'unmasked ids spell y (and the end token); count > 0; first label at index >= 1; one label a token',
    tolerance: 'exact',
    cost: FREE,
    causes: ['nothing is trained', 'a boundary inside a token', 'a template that was not found'],
    advice: 'See diagnosis.findings for the tokens at fault.'
  },
  loss_convention: {
    runs: ['loss'],
    condition: 'the reported loss is the mean over the completion',
    formula: '|reported - hypothesis| / |hypothesis| for every convention',
    tolerance: '1e-3 relative',
    cost: 'none without reported_loss; else two more passes with shifted labels, and one with an end token that was not sent',
    causes: ['the prompt was not masked', 'labels shifted by one', 'sums, other units or an end token in the loss'],
    advice: 'diagnosis.reported_loss names the convention that explains the number.'
  }
} as const satisfies Record<string, CatalogEntry>

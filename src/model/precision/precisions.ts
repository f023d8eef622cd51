/** What `--precision` may be: `auto` leaves the weights as the file has them. */
export const PRECISIONS = ['auto', 'int8'] as const

export type Precision = (typeof PRECISIONS)[number]

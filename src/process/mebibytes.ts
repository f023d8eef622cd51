const MIB = 1 << 20

/** Bytes for a person: `475 MiB`, with a decimal below ten. */
export function mebibytes(bytes: number): string {
  const value = bytes / MIB
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value).toLocaleString('en')} MiB`
}

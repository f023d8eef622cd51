const MIB = 1 << 20

/** `475 MiB`, or `9.5 MiB` with a decimal below ten. */
export function mebibytes(bytes: number): string {
  const value = bytes / MIB
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value).toLocaleString('en')} MiB`
}

import { TemplateError } from './template-error.ts'

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']

const DAY_MS = 86_400_000

interface Moment {
  readonly date: Date
  /** 1 to 366. */
  readonly dayOfYear: number
}

const DIRECTIVES: Readonly<Record<string, (moment: Moment) => string | number>> = {
  a: ({ date }) => dayName(date).slice(0, 3),
  A: ({ date }) => dayName(date),
  b: ({ date }) => monthName(date).slice(0, 3),
  B: ({ date }) => monthName(date),
  d: ({ date }) => padded(date.getDate(), 2),
  H: ({ date }) => padded(date.getHours(), 2),
  I: ({ date }) => padded(date.getHours() % 12 || 12, 2),
  j: ({ dayOfYear }) => padded(dayOfYear, 3),
  m: ({ date }) => padded(date.getMonth() + 1, 2),
  M: ({ date }) => padded(date.getMinutes(), 2),
  p: ({ date }) => (date.getHours() < 12 ? 'AM' : 'PM'),
  S: ({ date }) => padded(date.getSeconds(), 2),
  u: ({ date }) => date.getDay() || 7,
  w: ({ date }) => date.getDay(),
  y: ({ date }) => padded(date.getFullYear() % 100, 2),
  Y: ({ date }) => date.getFullYear(),
  '%': () => '%'
}

/** Directives that stand for others. */
const COMPOUND: Readonly<Record<string, string>> = {
  c: '%a %b %e %H:%M:%S %Y',
  D: '%m/%d/%y',
  F: '%Y-%m-%d',
  R: '%H:%M',
  T: '%H:%M:%S',
  x: '%m/%d/%y',
  X: '%H:%M:%S'
}

/**
 * Python's `strftime` in the C locale, in local time. Throws `TemplateError`, kind `unsupported`, for other directives.
 */
export function strftime(date: Date, format: string): string {
  const startOfDay = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate())
  const moment = { date, dayOfYear: Math.round((startOfDay - Date.UTC(date.getFullYear(), 0, 1)) / DAY_MS) + 1 }
  return format.replaceAll(/%(-?)([\s\S]?)/g, (whole, sign: string, name: string) => {
    const compound = sign === '' ? COMPOUND[name] : undefined
    if (compound !== undefined) return strftime(date, compound)
    if (name === 'e' && sign === '') return String(date.getDate()).padStart(2, ' ')
    const directive = Object.hasOwn(DIRECTIVES, name) ? DIRECTIVES[name] : undefined
    if (directive === undefined || (sign === '-' && !/[dHIjmMSy]/.test(name))) throw new TemplateError('unsupported', `strftime_now with ${whole}`)
    const written = String(directive(moment))
    return sign === '-' ? String(Number(written)) : written
  })
}

function dayName(date: Date): string {
  return DAYS[date.getDay()] ?? ''
}

function monthName(date: Date): string {
  return MONTHS[date.getMonth()] ?? ''
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0')
}

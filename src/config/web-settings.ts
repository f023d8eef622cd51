import type { Config } from './options.ts'

/** Segments of unreserved characters, so that no gateway, browser or client spells the path in another way. */
const BASE_PATH = /^(?:\/[\w.~-]+)+$/
const DOT_SEGMENT = /\/\.{1,2}(?=\/|$)/

/**
 * The routes that orchestrators and gateways ask on the replica itself. Below a base path they are served twice: there,
 * and at the root, so that probes do not depend on it.
 */
export const DIRECT_PATHS: ReadonlySet<string> = new Set(['/livez', '/readyz', '/startupz', '/health', '/version', '/metrics'])

/** The origins that may read responses in a browser: none, `*` alone, or a list. */
export function corsOriginsOf({ CORS_ORIGIN }: Pick<Config, 'CORS_ORIGIN'>): string[] {
  return CORS_ORIGIN.split(',')
    .map((origin) => origin.trim())
    .filter((origin) => origin !== '')
}

/** What is wrong with the origins and the base path; each fault follows the name of its setting. */
export function webFaultsOf(config: Pick<Config, 'CORS_ORIGIN' | 'BASE_PATH'>): { readonly CORS_ORIGIN: readonly string[]; readonly BASE_PATH: string | null } {
  const origins = corsOriginsOf(config)
  const isMixed = origins.includes('*') && origins.length > 1
  const mixed = isMixed ? ['has * beside other origins; * already allows every origin, so list either * or the origins'] : []
  return { CORS_ORIGIN: [...origins.flatMap((origin) => originFault(origin) ?? []), ...mixed], BASE_PATH: basePathFault(config.BASE_PATH) }
}

function originFault(origin: string): string | null {
  if (origin === '*') return null
  const shown = JSON.stringify(origin.slice(0, 60))
  if (origin.includes('*')) return `does not take patterns (got ${shown}); list every origin, or * alone`
  const form = 'an origin is https://HOST or https://HOST:PORT, as the browser sends it'
  if (!URL.canParse(origin)) return `has ${shown}, which is no origin; ${form}`
  const { protocol, origin: serialized } = new URL(origin)
  // The origin of other schemes is the text null, which any sandboxed page can send.
  if (protocol !== 'http:' && protocol !== 'https:') return `has ${shown}, which is not http or https; ${form}`
  return serialized === origin ? null : `has ${shown}; write ${serialized}, as the browser sends it`
}

function basePathFault(basePath: string): string | null {
  if (basePath === '') return null
  const got = `(got ${JSON.stringify(basePath.slice(0, 60))})`
  if (/^\/+$/.test(basePath)) return `must be empty to serve at the root ${got}`
  if (!basePath.startsWith('/')) return `must begin with a slash, as in /logpr ${got}`
  if (basePath.endsWith('/')) return `must not end with a slash; write it as in /logpr ${got}`
  if (!BASE_PATH.test(basePath) || DOT_SEGMENT.test(basePath))
    return `must consist of segments of letters, digits and . _ ~ -, without empty, . and .. segments, as in /ml/logpr ${got}`
  return DIRECT_PATHS.has(basePath) ? `is the path of a probe or of metrics, which stays at the root; choose another one ${got}` : null
}

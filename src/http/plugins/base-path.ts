import type { FastifyInstance } from 'fastify'
import { DIRECT_PATHS } from '../../config/web-settings.ts'

/** Where requests from outside the base path go: no route has this path. */
const OUTSIDE = '/:outside'

/**
 * The target of a request as the routes know it, without the base path. Comparing the path as it was sent keeps every
 * other spelling of it, percent-encoded or with dot segments, outside. Keeps the host of an absolute target.
 */
export function withoutBasePath(url: string, basePath: string): string {
  if (basePath === '') return url
  const [, authority = '', target = ''] = /^(https?:\/\/[^/?#]*)?(.*)$/is.exec(url) ?? []
  // `*`, and what is no target: those checks come later.
  if (!target.startsWith('/')) return url
  const path = pathOf(target)
  if (path === basePath) return `${authority}/${target.slice(basePath.length)}`
  if (path.startsWith(`${basePath}/`)) return authority + target.slice(basePath.length)
  return DIRECT_PATHS.has(path) ? url : OUTSIDE
}

/**
 * Sends browsers from the base path to the same path with a slash, where relative URLs lead below it, and adds the base
 * path to redirects of plugins, which do not know it.
 */
export function registerBasePath(app: FastifyInstance, basePath: string): void {
  if (basePath === '') return
  app.addHook('onRequest', async (request, reply) => {
    if (pathOf(request.originalUrl.replace(/^https?:\/\/[^/?#]*/i, '')) === basePath) return reply.redirect('/', 308)
  })
  app.addHook('onSend', async (_, reply, payload) => {
    const location = reply.getHeader('location')
    if (typeof location === 'string' && location.startsWith('/')) reply.header('location', basePath + location)
    return payload
  })
}

function pathOf(target: string): string {
  return target.split(/[?#]/, 1)[0] as string
}

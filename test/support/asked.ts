/** Something that answers requests: the HTTP app in this process, or a service in another process. */
export interface Asked {
  post(path: string, body: unknown, init?: RequestInit): Promise<Response>
  get(path: string): Promise<Response>
}

/** The options of `fetch` for a JSON body. Strings and bytes are sent unchanged. */
export function posted(body: unknown, init: RequestInit = {}): RequestInit & { readonly headers: Record<string, string>; readonly body: string | Uint8Array } {
  return {
    method: 'POST',
    ...init,
    headers: { 'content-type': 'application/json', ...(init.headers as Record<string, string> | undefined) },
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
  }
}

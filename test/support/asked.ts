/** What answers requests: the HTTP side in this process, or a service in one of its own. */
export interface Asked {
  post(path: string, body: unknown, init?: RequestInit): Promise<Response>
  get(path: string): Promise<Response>
}

/** How `fetch` is told of a JSON body; text and bytes go as they are. */
export function posted(body: unknown, init: RequestInit = {}): RequestInit & { readonly headers: Record<string, string>; readonly body: string | Uint8Array } {
  return {
    method: 'POST',
    ...init,
    headers: { 'content-type': 'application/json', ...(init.headers as Record<string, string> | undefined) },
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
  }
}

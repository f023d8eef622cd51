import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Ends the connections that carry no request. `server.close()` waits for those that were opened and never used, and
 * no longer looks at their timeouts.
 */
export function trackConnections(server: Server): { endIdle(): void } {
  const requestsBySocket = new Map<Socket, number>()
  server.on('connection', (socket) => {
    requestsBySocket.set(socket, 0)
    socket.once('close', () => requestsBySocket.delete(socket))
  })
  server.on('request', ({ socket }, response) => {
    requestsBySocket.set(socket, (requestsBySocket.get(socket) ?? 0) + 1)
    response.once('close', () => {
      if (requestsBySocket.has(socket)) requestsBySocket.set(socket, (requestsBySocket.get(socket) ?? 1) - 1)
    })
  })
  return {
    endIdle() {
      for (const [socket, requests] of requestsBySocket) if (requests === 0) socket.destroy()
    }
  }
}

import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Tracks open connections, so that those without a request can be closed. `server.close()` would wait for connections
 * that were opened and never used, without applying their timeouts.
 */
export function trackConnections(server: Server): { closeIdle(): void } {
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
    closeIdle() {
      for (const [socket, requests] of requestsBySocket) if (requests === 0) socket.destroy()
    }
  }
}

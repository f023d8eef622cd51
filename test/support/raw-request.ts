import { connect } from 'node:net'

/** The status of a request whose line is sent exactly as given, which fetch would normalize. */
export async function rawStatus(url: string, target: string, headers = ''): Promise<number> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.setTimeout(10_000, () => socket.destroy(new Error(`no response to ${target} within 10 s`)))
  socket.write(`GET ${target} HTTP/1.1\r\nhost: logpr.example\r\nconnection: close\r\n${headers}\r\n`)
  let answer = ''
  for await (const chunk of socket) answer += String(chunk)
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])
}

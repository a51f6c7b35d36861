import { connect } from 'node:net'

export interface RawRequest {
  readonly path: string
  /** The session's cookie. */
  readonly cookie: string | undefined
  /** Makes it a POST. */
  readonly form?: Readonly<Record<string, string>>
}

/**
 * Sends one request on each of many connections, the last byte of all of them at the same moment: the server begins
 * with all of them before it has finished any.
 */
export async function sendTogether(count: number, port: number, request: RawRequest): Promise<readonly string[]> {
  const text = textOf(port, request)
  const sockets = await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect(port, '127.0.0.1')
      await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
      socket.write(text.slice(0, -1))
      return socket
    }),
  )
  const answers = sockets.map(async (socket) => {
    let answer = ''
    for await (const chunk of socket) answer += String(chunk)
    return answer
  })
  for (const socket of sockets) socket.write(text.slice(-1))
  return Promise.all(answers)
}

function textOf(port: number, { path, cookie, form }: RawRequest): string {
  const body = form === undefined ? '' : new URLSearchParams(form).toString()
  const head = [
    `${form === undefined ? 'GET' : 'POST'} ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    `Cookie: id=${cookie}`,
    'Connection: close',
    ...(form === undefined
      ? []
      : ['Content-Type: application/x-www-form-urlencoded', `Content-Length: ${body.length}`]),
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

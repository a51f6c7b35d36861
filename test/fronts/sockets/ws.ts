import type { Server } from 'node:http'
import { WebSocket, WebSocketServer } from 'ws'
import type { SocketApp } from './app.ts'
import type { Line, SocketDriver } from './driver.ts'
import { Refused, conversation, replyTo } from './driver.ts'

function attach(server: Server, app: SocketApp): () => Promise<unknown> {
  const sockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request, stream, head) => {
    stream.on('error', () => undefined)
    void app.admit(request).then((live) => {
      if (typeof live === 'number') return void stream.end(`HTTP/1.1 ${live} Refused\r\nContent-Length: 0\r\n\r\n`)
      sockets.handleUpgrade(request, stream, head, (socket) => {
        live.onEnd(() => socket.close(4401, 'session ended'))
        socket.on('close', () => live.release())
        socket.on('message', (text: Buffer) => {
          void replyTo(
            text.toString(),
            (message) => app.answer(live, message),
            (answer) => socket.send(answer),
          )
        })
      })
    })
  })
  return async () => {
    for (const socket of sockets.clients) socket.terminate()
    sockets.close()
  }
}

/** A client of plain WebSockets; crossws' servers are asked by it too. */
export function connect(port: number, headers: Readonly<Record<string, string>>): Promise<Line> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/live`, { headers })
  const { say, heard, hungUp } = conversation((text) => socket.send(text))
  socket.on('message', (text: Buffer) => heard(text.toString()))
  const closed = new Promise<string>((resolve) => {
    socket.on('close', (code, reason) => resolve(`${code} ${reason.toString()}`))
  })
  socket.on('close', hungUp)
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('unexpected-response', (_request, response) => reject(new Refused(response.statusCode ?? 0)))
    socket.on('open', () => resolve({ say, closed, hangUp: () => socket.close() }))
  })
}

export const wsDriver: SocketDriver = { name: 'ws', ended: '4401 session ended', attach, connect }

import type { Server as HttpServer } from 'node:http'
import { Server } from 'socket.io'
import { io } from 'socket.io-client'
import type { LiveSession } from 'sojourn/websocket'
import type { Visit } from '../driver.ts'
import type { SocketApp } from './app.ts'
import type { Line, SocketDriver } from './driver.ts'
import { Refused } from './driver.ts'

type Reply = (answer: string) => void
type FromClient = { say: (message: string, reply: Reply) => void }
type Nothing = Record<never, never>

function attach(server: HttpServer, app: SocketApp): () => Promise<unknown> {
  const sockets = new Server<FromClient, Nothing, Nothing, { live: LiveSession<Visit> }>(server, { serveClient: false })
  sockets.use((socket, next) => {
    void app.admit(socket.request).then((live) => {
      if (typeof live === 'number') return next(new Error(String(live)))
      socket.data.live = live
      next()
    })
  })
  sockets.on('connection', (socket) => {
    const { live } = socket.data
    live.onEnd(() => socket.disconnect(true))
    socket.on('disconnect', () => live.release())
    socket.on('say', (message, reply) => void app.answer(live, message).then(reply))
  })
  return () => sockets.close()
}

function connectBy(transports: ('polling' | 'websocket')[]): SocketDriver['connect'] {
  return (port, headers) => {
    const socket = io(`http://127.0.0.1:${port}`, {
      transports,
      extraHeaders: { ...headers },
      reconnection: false,
      forceNew: true,
    })
    const say: Line['say'] = (message) => socket.emitWithAck('say', message).then(String, () => 'closed')
    const closed = new Promise<string>((resolve) => void socket.on('disconnect', resolve))
    return new Promise<Line>((resolve, reject) => {
      socket.on('connect_error', (error) => reject(new Refused(Number(error.message))))
      socket.on('connect', () => resolve({ say, closed, hangUp: () => void socket.disconnect() }))
    })
  }
}

const ended = 'io server disconnect'
export const socketIoDrivers: readonly SocketDriver[] = [
  { name: 'Socket.IO', ended, attach, connect: connectBy(['websocket']) },
  { name: 'Socket.IO, polling first', ended, attach, connect: connectBy(['polling', 'websocket']) },
]

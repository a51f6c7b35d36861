import type { Server } from 'node:http'
import type { Peer } from 'crossws'
import crossws from 'crossws/adapters/node'
import type { LiveSession } from 'sojourn/websocket'
import type { Visit } from '../driver.ts'
import type { SocketApp } from './app.ts'
import type { SocketDriver } from './driver.ts'
import { replyTo } from './driver.ts'
import { connect } from './ws.ts'

declare module 'crossws' {
  interface PeerContext {
    live?: LiveSession<Visit>
  }
}

function attach(server: Server, app: SocketApp): () => Promise<unknown> {
  const liveOf = (peer: Peer): LiveSession<Visit> => {
    if (peer.context.live === undefined) throw new Error('no session')
    return peer.context.live
  }
  const adapter = crossws({
    hooks: {
      async upgrade(request) {
        const live = await app.admit(request)
        return typeof live === 'number' ? new Response(null, { status: live }) : { context: { live } }
      },
      open: (peer) => liveOf(peer).onEnd(() => peer.close(4401, 'session ended')),
      close: (peer) => liveOf(peer).release(),
      message: (peer, text) =>
        replyTo(
          text.text(),
          (message) => app.answer(liveOf(peer), message),
          (answer) => void peer.send(answer),
        ),
    },
  })
  server.on('upgrade', (request, stream, head) => void adapter.handleUpgrade(request, stream, head))
  return () => adapter.close()
}

export const crosswsDriver: SocketDriver = { name: 'crossws', ended: '4401 session ended', attach, connect }

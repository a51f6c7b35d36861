import { isSessionError } from 'sojourn'
import type { Session } from 'sojourn'
import type { Handshake, LiveSession, WebsocketSessions } from 'sojourn/websocket'
import type { Visit } from '../driver.ts'

/** What a socket server does, for every library alike. */
export interface SocketApp {
  /** The session, or the status with which the handshake is refused. */
  admit(request: Handshake): Promise<LiveSession<Visit> | number>
  /** The answer to a message. */
  answer(live: LiveSession<Visit>, message: string): Promise<string>
  /** All answers, also those that came too late for a client to hear them. */
  readonly answers: readonly string[]
}

export function socketApp(sockets: WebsocketSessions<Visit>, current: () => Session<Visit>): SocketApp {
  const answers: string[] = []
  return {
    async admit(request) {
      try {
        return (await sockets.open(request)) ?? 401
      } catch (error) {
        return isSessionError(error) && error.code === 'csrf' ? 403 : 503
      }
    },
    async answer(live, message) {
      const answer = await answerTo(live, message, current)
      answers.push(answer)
      return answer
    },
    answers,
  }
}

async function answerTo(live: LiveSession<Visit>, message: string, current: () => Session<Visit>): Promise<string> {
  if (message === 'ping') return 'pong'
  if (message === 'shown') return JSON.stringify(live.data)
  try {
    return await live.use(() => perform(current(), message))
  } catch (error) {
    return `error ${isSessionError(error) ? error.code : String(error)}`
  }
}

/** What a visitor asks for, in a message or by the path of a request: `/set?count=2`, `/login?as=ada`. */
export async function perform(session: Session<Visit>, text: string): Promise<string> {
  const { pathname, searchParams } = new URL(text, 'http://app')
  const to = new Map(searchParams)
  if (pathname === '/set') for (const [key, value] of to) Object.assign(session.data, { [key]: value })
  if (pathname === '/increment') await session.increment('count')
  if (pathname === '/login') await session.login(to.get('as') ?? '', { keep: 'all' })
  if (pathname === '/elevate') await session.elevate()
  if (pathname === '/rotate') await session.rotate()
  if (pathname === '/logout') await session.logout(to.has('keep') ? { keep: 'all' } : {})
  if (pathname === '/destroy') await session.destroy()
  if (pathname === '/begin-again') await session.destroy().then(() => void session.start())
  if (pathname === '/set-and-throw') {
    session.data.name = 'before the error'
    throw new Error('the handler')
  }
  return JSON.stringify(session.data)
}

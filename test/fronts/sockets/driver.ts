import type { Server } from 'node:http'
import type { SocketApp } from './app.ts'

/** A client's end of a socket. */
export interface Line {
  /** Sends a message and waits for the answer to it; `closed` when the socket closes first. */
  say(message: string): Promise<string>
  /** Resolves with what the client is told when the server closes the socket. */
  readonly closed: Promise<string>
  hangUp(): void
}

/** The server refused the handshake. */
export class Refused extends Error {
  readonly status: number

  constructor(status: number) {
    super(`refused with ${status}`)
    this.status = status
  }
}

/** One library, at both ends of a socket. A new one needs no more than this to be tested by the whole table. */
export interface SocketDriver {
  readonly name: string
  /** What {@link Line.closed} tells when the session has ended. */
  readonly ended: string
  /** Serves sockets beside what the server serves; gives what stops that. */
  attach(server: Server, app: SocketApp): () => Promise<unknown>
  /** @throws Refused */
  connect(port: number, headers: Readonly<Record<string, string>>): Promise<Line>
}

/** Sends numbered messages and finds the answers to them. */
export function conversation(send: (text: string) => void): {
  readonly say: Line['say']
  readonly heard: (text: string) => void
  readonly hungUp: () => void
} {
  const waiting = new Map<string, (answer: string) => void>()
  let count = 0
  return {
    say: (message) =>
      new Promise((resolve) => {
        const number = String(++count)
        waiting.set(number, resolve)
        send(`${number} ${message}`)
      }),
    heard: (text) => {
      const [number = '', ...answer] = text.split(' ')
      waiting.get(number)?.(answer.join(' '))
    },
    hungUp: () => {
      for (const resolve of waiting.values()) resolve('closed')
    },
  }
}

/** Answers a numbered message. */
export async function replyTo(
  text: string,
  answer: (message: string) => Promise<string>,
  send: (text: string) => void,
): Promise<void> {
  const [number = '', ...message] = text.split(' ')
  send(`${number} ${await answer(message.join(' '))}`)
}

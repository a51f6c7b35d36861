// oxlint-disable typescript/unbound-method -- what is taken off the response here is called with it as `this` again
/** The methods by which a Node response begins to leave. */
export interface Senders {
  writeHead(...args: readonly unknown[]): unknown
  write(...args: readonly unknown[]): unknown
  end(...args: readonly unknown[]): unknown
  // The types of http2's compatibility API leave it out.
  flushHeaders?(...args: readonly unknown[]): unknown
}

/** The name of one of these methods. */
export type SenderName = keyof Senders

/** One call of them, with the very arguments of the caller. */
export interface SenderCall {
  readonly name: SenderName
  readonly args: readonly unknown[]
}

/** The methods that were there before they were replaced. */
export interface Replaced {
  call(call: SenderCall): unknown
  /** Puts them back, except where somebody else has put a method over the replacement meanwhile. */
  restore(): void
}

/** Replaces these methods; each call goes to `pass`. */
export function replaceSenders(target: Senders, pass: (call: SenderCall) => unknown): Replaced {
  const before = sendersOf(target)
  const own: Required<Senders> = {
    writeHead: (...args) => pass({ name: 'writeHead', args }),
    write: (...args) => pass({ name: 'write', args }),
    end: (...args) => pass({ name: 'end', args }),
    flushHeaders: (...args) => pass({ name: 'flushHeaders', args }),
  }
  // Written out name by name, and put back by assigning: to delete a property costs V8 ten times as much as all of this.
  target.writeHead = own.writeHead
  target.write = own.write
  target.end = own.end
  target.flushHeaders = own.flushHeaders
  return {
    call: ({ name, args }) => before[name]?.apply(target, [...args]),
    restore: () => {
      const now = sendersOf(target)
      if (now.writeHead === own.writeHead) target.writeHead = before.writeHead
      if (now.write === own.write) target.write = before.write
      if (now.end === own.end) target.end = before.end
      if (now.flushHeaders === own.flushHeaders && before.flushHeaders) target.flushHeaders = before.flushHeaders
    },
  }
}

function sendersOf({ writeHead, write, end, flushHeaders }: Senders): Senders {
  return flushHeaders === undefined ? { writeHead, write, end } : { writeHead, write, end, flushHeaders }
}

// oxlint-disable typescript/unbound-method -- what is taken off the response here is called with it as `this` again
/** The methods by which a Node response begins to leave. */
export interface Senders {
  writeHead(...args: readonly unknown[]): unknown
  write(...args: readonly unknown[]): unknown
  end(...args: readonly unknown[]): unknown
  // The types of http2's compatibility API leave it out.
  flushHeaders?(...args: readonly unknown[]): unknown
  /** No method of Node's: where other middleware has added it, it lets out what that keeps of the calls before. */
  flush?(...args: readonly unknown[]): unknown
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
  readonly before: Senders
  call(call: SenderCall): unknown
  /** Whether somebody has put a method over the replacement meanwhile. */
  isCovered(name: SenderName): boolean
  /** Puts them back, except where somebody else has put a method over the replacement meanwhile. */
  restore(): void
}

/** Replaces these methods; each call goes to `pass`. `before`: what they were, if not what is there now. */
export function replaceSenders(
  target: Senders,
  pass: (call: SenderCall) => unknown,
  before: Senders = sendersOf(target),
): Replaced {
  const own: Required<Senders> = {
    writeHead: (...args) => pass({ name: 'writeHead', args }),
    write: (...args) => pass({ name: 'write', args }),
    end: (...args) => pass({ name: 'end', args }),
    flushHeaders: (...args) => pass({ name: 'flushHeaders', args }),
    flush: (...args) => pass({ name: 'flush', args }),
  }
  // Written out name by name, and put back by assigning: to delete a property costs V8 ten times as much as all of this.
  target.writeHead = own.writeHead
  target.write = own.write
  target.end = own.end
  target.flushHeaders = own.flushHeaders
  if (before.flush) target.flush = own.flush
  return {
    before,
    call: ({ name, args }) => before[name]?.apply(target, [...args]),
    isCovered: (name) => target[name] !== own[name],
    restore: () => {
      const now = sendersOf(target)
      if (now.writeHead === own.writeHead) target.writeHead = before.writeHead
      if (now.write === own.write) target.write = before.write
      if (now.end === own.end) target.end = before.end
      if (now.flushHeaders === own.flushHeaders && before.flushHeaders) target.flushHeaders = before.flushHeaders
      if (now.flush === own.flush && before.flush) target.flush = before.flush
    },
  }
}

function sendersOf({ writeHead, write, end, flushHeaders, flush }: Senders): Senders {
  return { writeHead, write, end, ...(flushHeaders && { flushHeaders }), ...(flush && { flush }) }
}

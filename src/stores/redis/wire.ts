/** A command as the server reads it, name first. */
export type Command = readonly string[]

/** A command on its way, and who waits for its answer. */
export interface Sent {
  /** A key that the command touches; in a Cluster it decides on the node. */
  readonly key: string
  readonly command: Command
  readonly done: (reply: unknown) => void
  readonly fail: (error: unknown) => void
}

/** Asks one server. */
export type Ask = (command: Command) => Promise<unknown>

/** What a subscription tells. */
export interface Hearing {
  readonly onMessage: (message: string) => void
  /** The connection is gone. Told once, and not after it was ended. */
  readonly onLost: () => void
}

/** A subscription over a connection of its own. */
export interface Subscription {
  readonly ping: () => Promise<unknown>
  readonly end: () => Promise<void>
}

/** The answer to one of several commands. */
export type Answer = { readonly reply: unknown } | { readonly error: unknown }

/** A second connection, or a second set of them, on which commands may wait without keeping others waiting. */
export interface Twin {
  /** The same for keys of one server. */
  readonly placeOf: (key: string) => unknown
  /** Sends the commands, all for one server, one behind the other over the one connection to that of the key. */
  readonly sequence: (key: string, commands: readonly Command[]) => Promise<readonly Answer[]>
  /** Sends one command the client's ordinary way, by which it finds out where the key is now. */
  readonly lookAgain: (key: string) => Promise<unknown>
  readonly end: () => Promise<void>
}

/** The few things that the store does with a client, the same for every kind of client. */
export interface Wire {
  /** Whether keys lie in slots, and a script reaches those of one slot only. */
  readonly hasSlots: boolean
  /** @throws SessionError when the client has no connection and looks for none. */
  readonly check: () => void
  /** Sends the commands, pipelined; those for one server in their order and over one connection. */
  readonly send: (batch: readonly Sent[]) => void
  /** The servers that hold the data, without replicas. */
  readonly primaries: () => Promise<readonly Ask[]>
  /** Resolves as soon as messages come. */
  readonly subscribe: (channel: string, hearing: Hearing) => Promise<Subscription>
  readonly twin: () => Promise<Twin>
}

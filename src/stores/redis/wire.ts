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
  /** The connection is gone, once. */
  readonly onLost: () => void
}

/** The few things that the store does with a client, the same for every kind of client. */
export interface Wire {
  /** Whether keys lie in slots, and a script reaches those of one slot only. */
  readonly hasSlots: boolean
  /** Sends the commands, pipelined; those for one server in their order and over one connection. */
  readonly send: (batch: readonly Sent[]) => void
  /** The servers that hold the data, without replicas. */
  readonly primaries: () => Promise<readonly Ask[]>
  /** A subscription over a connection of its own, until the returned function is called or the connection is lost. */
  readonly subscribe: (channel: string, hearing: Hearing) => Promise<() => Promise<void>>
  /** Rejects when the client is known to have no connection and not to look for one. */
  readonly check: () => void
}

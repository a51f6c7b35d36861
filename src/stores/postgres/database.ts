/** What the store needs of a client. */
export interface Database {
  /** Which client it is, for messages and for what differs between them. */
  readonly kind: 'pg' | 'postgres' | 'pglite'
  /** Whether nothing of it outlives the process. */
  readonly isInMemory: boolean
  /** How many statements it works on at once. */
  readonly width: number
  /** One statement in one round trip, with a deadline. The rows as lists, in the order of the columns. */
  readonly run: (statement: Statement, values: readonly Value[]) => Promise<readonly Row[]>
  /** Several statements without values, as one transaction. */
  readonly script: (sql: string) => Promise<void>
  /**
   * Hears what is told on the channel, over a connection that serves nothing else. `onLost` is called once when it can
   * hear no more; after that, and after the returned function, it calls nobody.
   */
  readonly listen: ((channel: string, listener: Listener) => Promise<() => Promise<void>>) | undefined
  /** Lets go of what the store itself attached to the client. */
  readonly release: () => void
}

/** Every value travels as text; PostgreSQL knows the types of its functions. */
export type Value = string | null

/** Values in the order of the columns. */
export type Row = readonly unknown[]

export interface Statement {
  /** For prepared statements; the same name always has the same text. Empty: not worth it. */
  readonly name: string
  readonly text: string
}

export interface Listener {
  readonly onPayload: (payload: string) => void
  readonly onLost: () => void
}

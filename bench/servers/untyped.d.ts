// Packages that bring no types: the little that is called on them.
declare module 'better-sqlite3-session-store' {
  import type { Database } from 'better-sqlite3'
  import type session from 'express-session'
  const create: (library: typeof session) => new (options: { client: Database }) => session.Store
  export default create
}

declare module 'express-mysql-session' {
  import type session from 'express-session'
  interface Options {
    readonly host: string
    readonly port: number
    readonly user: string
    readonly database: string
  }
  const create: (library: typeof session) => new (options: Options) => session.Store & { onReady(): Promise<void> }
  export default create
}

import type { ChildProcess } from 'node:child_process'
import { spawn, spawnSync } from 'node:child_process'
import { openSync, closeSync, readFileSync } from 'node:fs'
import { chown, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Part, PartName } from '../parts.ts'
import { ensurePart } from '../parts.ts'
import { guard } from './guard.ts'
import { freePort, isFree } from './ports.ts'
import { killTree } from './processes.ts'

/** A real server on 127.0.0.1 with data of its own. It ends with the process that started it, however that ends. */
export interface Server {
  readonly url: string
  readonly host: string
  readonly port: number
  /** Holds its data, its configuration and its `log`. */
  readonly folder: string
  /** Changes with each restart; while it does not run, the one it had. */
  readonly pid: number
  readonly isRunning: boolean
  /** Ends it and its children as a power cut would, and resolves when they are gone. The data stay. */
  kill9(): Promise<void>
  /** Starts it again on the same port and data; ends it in order first when it runs. Resolves when it answers. */
  restart(): Promise<void>
  /** Ends it and removes its folder. */
  stop(): Promise<void>
}

export interface ServerOptions {
  /** Lines of the server's own configuration file, over the defaults of the starter. */
  readonly settings?: Readonly<Record<string, string>>
  /** Where its folder is made, such as on a small disk that can be filled; the system's temporary folder by default. */
  readonly within?: string
}

/** What a server runs as: PostgreSQL and PgBouncer refuse root. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/** What one kind of server needs to be told. */
export interface Kind {
  readonly name: string
  url(port: number): string
  /** Makes data and configuration in the new folder. */
  prepare(folder: string, port: number): Promise<void>
  command(folder: string, port: number): readonly [program: string, ...args: string[]]
  /** Asks the server on this port a query. Resolves whether it is the one of this folder; rejects while none answers. */
  answers(port: number, folder: string): Promise<boolean>
  /** Ends it in order, with nothing lost. */
  readonly orderly: NodeJS.Signals
  /** Ends it at once, and leaves nothing in the system. */
  readonly immediate: NodeJS.Signals
  readonly account?: Account
}

/** A part that a server needs is not installed and cannot be. */
export class MissingPartError extends Error {
  override readonly name = 'MissingPartError'
}

const START_MS = 60_000
const STOP_MS = 20_000

/** The path of a part's first program, installed when need be; rejects with MissingPartError. */
export async function programOf(name: PartName): Promise<string> {
  return (await foundPart(name)).path
}

/** The paths of all programs of a part, installed when need be; rejects with MissingPartError. */
export async function programsOf<N extends PartName>(name: N): Promise<Found<N>['paths']> {
  return (await foundPart(name)).paths
}

type Found<N extends PartName> = Exclude<Part<N>, { readonly missing: string }>

async function foundPart<N extends PartName>(name: N): Promise<Found<N>> {
  const part = await ensurePart(name)
  if ('missing' in part) throw new MissingPartError(part.missing)
  return part
}

/** The account of this name when this process is root, which alone may take another. */
export function accountFor(name: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  const [uid, gid] = ['-u', '-g'].map((flag) => Number.parseInt(spawnSync('id', [flag, name]).stdout.toString(), 10))
  if (uid === undefined || gid === undefined || Number.isNaN(uid + gid)) {
    throw new MissingPartError(`there is no user ${name}`)
  }
  return { uid, gid }
}

/** Starts a server of this kind on a free port. */
export async function launch(kind: Kind, options: ServerOptions): Promise<Server> {
  for (;;) {
    const server = await create(kind, await freePort(), options)
    try {
      await kind.prepare(server.folder, server.port)
      await server.restart()
      return server
    } catch (error) {
      await server.stop()
      // Otherwise somebody took the port since it was found free.
      if (await isFree(server.port)) throw error
    }
  }
}

async function create(kind: Kind, port: number, options: ServerOptions): Promise<Server> {
  const folder = await mkdtemp(join(options.within ?? tmpdir(), `sojourn-${kind.name}-`))
  const keeper = guard(folder, kind.immediate)
  if (kind.account !== undefined) await chown(folder, kind.account.uid, kind.account.gid)
  let running: Running | undefined
  let pid = 0
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    await running?.end(signal)
    running = undefined
    keeper.watch(undefined)
  }
  return {
    url: kind.url(port),
    host: '127.0.0.1',
    port,
    folder,
    get pid() {
      return pid
    },
    get isRunning() {
      return running !== undefined && !running.hasEnded()
    },
    kill9: () => end('SIGKILL'),
    async restart() {
      await end(kind.orderly)
      running = run(kind, folder, port)
      pid = running.pid
      keeper.watch(pid)
      await running.ready()
    },
    async stop() {
      await end(kind.immediate)
      await keeper.release()
    },
  }
}

interface Running {
  readonly pid: number
  hasEnded(): boolean
  ready(): Promise<void>
  end(signal: NodeJS.Signals): Promise<void>
}

function run(kind: Kind, folder: string, port: number): Running {
  const [program, ...args] = kind.command(folder, port)
  const logPath = join(folder, 'log')
  const log = openSync(logPath, 'a')
  const child = spawn(program, args, {
    cwd: folder,
    // Messages and orders of letters do not depend on who runs the tests.
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', log, log],
    // Ctrl-C is for this process; the guard ends the server.
    detached: true,
    ...kind.account,
  })
  closeSync(log)
  child.unref()
  let failure: unknown
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', (error) => {
      failure = error
      resolve()
    })
  })
  return {
    pid: child.pid ?? 0,
    hasEnded: () => hasEnded(child),
    async ready() {
      const deadline = Date.now() + START_MS
      while (!(await kind.answers(port, folder).catch(() => false))) {
        const isOver = failure !== undefined || hasEnded(child)
        if (isOver || Date.now() > deadline) {
          throw new Error(`${kind.name} did not start\n${readFileSync(logPath, 'utf8').slice(-4_000)}`, {
            cause: failure,
          })
        }
        await sleep(30)
      }
    },
    async end(signal) {
      if (hasEnded(child) || child.pid === undefined) return
      child.ref()
      if (signal === 'SIGKILL') await killTree(child.pid)
      else child.kill(signal)
      await Promise.race([ended, sleep(STOP_MS, undefined, { ref: false })])
      if (!hasEnded(child)) await killTree(child.pid)
      await ended
    },
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inProject } from '../../../scripts/lib/project.ts'

/** How a process ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** The application as a process of its own. */
export interface RunningServer {
  /** Such as `http://127.0.0.1:41234`, without a path. */
  readonly url: string
  readonly port: number
  /** Everything it has printed, both streams. */
  readonly output: () => string
  readonly signal: (signal: NodeJS.Signals) => void
  readonly exit: Promise<Exit>
  /** SIGTERM, and waits for the end. */
  readonly stop: () => Promise<Exit>
}

export interface ServerOptions {
  readonly dataFolder: string
  /** `sqlite`, `file` or the address of a server. @defaultValue 'sqlite' */
  readonly store?: string
  /** @defaultValue any free port */
  readonly port?: number
  readonly isProduction?: boolean
}

/** The application's process, which may also refuse to start. */
export interface ServerProcess {
  /** Everything it has printed. */
  readonly output: () => string
  /** What of it went to the error stream. */
  readonly errors: () => string
  readonly exit: Promise<Exit>
  readonly signal: (signal: NodeJS.Signals) => void
  /** Resolves with the first match in what it prints; rejects when it ends before. */
  readonly printed: (pattern: RegExp) => Promise<RegExpExecArray>
}

/** @param program the file of the server, where it is not the one of the examples */
export function spawnServer(
  environment: Readonly<Record<string, string>>,
  program: string = inProject('examples', 'reading-room', 'server.ts'),
): ServerProcess {
  if (!existsSync(inProject('dist', 'esm', 'index.js'))) throw new Error('dist is missing: run `npm run build` first')
  const child = spawn(process.execPath, [program], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let errors = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const exit = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  return {
    output: () => output + errors,
    errors: () => errors,
    exit,
    signal: (signal) => void child.kill(signal),
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(output)
          if (match !== null) resolve(match)
        }
        child.stdout.on('data', look)
        void exit.then(({ code }) => reject(new Error(`the application ended with ${code}:\n${output}${errors}`)))
        look()
      }),
  }
}

/** Resolves when the application answers. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const process = spawnServer({
    PORT: String(options.port ?? 0),
    READING_ROOM_DATA: options.dataFolder,
    SESSION_STORE: options.store ?? 'sqlite',
    NODE_ENV: options.isProduction === true ? 'production' : 'development',
  })
  const [, url = '', port = ''] = await process.printed(/(http:\/\/\S+:(\d+))/)
  return {
    url,
    port: Number(port),
    output: process.output,
    signal: process.signal,
    exit: process.exit,
    stop() {
      process.signal('SIGTERM')
      return process.exit
    },
  }
}

/** A folder that is gone after the test. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'reading-room-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

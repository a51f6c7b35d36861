import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import type { Exit } from '../reading-room/support/server.ts'
import { spawnServer } from '../reading-room/support/server.ts'
import type { Client } from './client.ts'
import { createClient } from './client.ts'

export type StoreName = 'sqlite' | 'file'

/** How the application is started, the same each time. */
export interface Setting {
  readonly store: StoreName
  readonly dataFolder: string
  /** A module that its process loads before anything else. */
  readonly preload?: URL
}

/** The example application, serving, as a process that can be killed. */
export interface Application {
  readonly client: Client
  /** From the start of the process to the end of its first page, in milliseconds. */
  readonly startedIn: number
  /** What it has complained about. */
  errors(): string
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>
  /** SIGTERM; resolves when the process is gone. */
  stop(): Promise<Exit>
}

/** A start needs a second or less on a machine that does nothing else. */
const PATIENCE_MS = 15_000

/** @throws Error when it does not serve in time; then its process is gone. */
export async function startApplication(setting: Setting): Promise<Application> {
  const began = performance.now()
  const process = spawnServer(environmentOf(setting))
  const late = new AbortController()
  try {
    const printed = process.printed(/http:\/\/\S+:(\d+)/)
    const [, port] = await Promise.race([printed, tooLate(late.signal)])
    const client = createClient(Number(port))
    const page = await Promise.race([client.request('/').then((answer) => answer?.page), tooLate(late.signal)])
    if (page === undefined) throw new Error('the application closed the first connection')
    return {
      client,
      startedIn: performance.now() - began,
      errors: process.errors,
      async kill() {
        process.signal('SIGKILL')
        await process.exit
        client.close()
      },
      stop() {
        client.close()
        process.signal('SIGTERM')
        return process.exit
      },
    }
  } catch (error) {
    process.signal('SIGKILL')
    await process.exit
    throw new Error(`the application did not start:\n${process.output()}`, { cause: error })
  } finally {
    late.abort()
  }
}

/** A start that is cut short by SIGKILL. */
export async function cutStart(setting: Setting, after: number): Promise<void> {
  const process = spawnServer(environmentOf(setting))
  await setTimeout(after)
  process.signal('SIGKILL')
  await process.exit
}

function environmentOf({ dataFolder, store, preload }: Setting): Record<string, string> {
  return {
    HOST: '127.0.0.1',
    PORT: '0',
    READING_ROOM_DATA: dataFolder,
    SESSION_STORE: store,
    // Compiled code is kept between starts, as a machine that restarts a program often would.
    NODE_COMPILE_CACHE: join(dataFolder, 'compiled'),
    ...(preload && { NODE_OPTIONS: `--import ${preload.href}` }),
  }
}

async function tooLate(signal: AbortSignal): Promise<never> {
  await setTimeout(PATIENCE_MS, undefined, { signal })
  throw new Error(`it served no page within ${PATIENCE_MS} ms`)
}

/** Where the application keeps the sessions. */
export function sessionsAt({ dataFolder, store }: Setting): string {
  return join(dataFolder, store === 'file' ? 'sessions' : 'sessions.db')
}

/** The application's own database, for use while it does not run. */
export function openRoom({ dataFolder }: Setting): DatabaseSync {
  return new DatabaseSync(join(dataFolder, 'reading-room.db'))
}

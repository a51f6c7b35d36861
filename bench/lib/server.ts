import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Subject } from '../subjects.ts'
import { cores, onCore } from './cores.ts'
import { type Client, clientOf } from './http.ts'

/** What a server has used since it started. */
export interface Usage {
  /** Microseconds of processor time of the whole process, as the operating system counts them. */
  readonly user: number
  readonly system: number
  readonly requests: number
}

/** A subject that runs. */
export interface Running {
  readonly port: number
  readonly pid: number
  readonly client: Client
  /** Milliseconds from the start of the process to its first response. */
  readonly startup: number
  usage(): Promise<Usage>
  stop(): Promise<void>
}

const PROGRAM = fileURLToPath(new URL('../servers/server.ts', import.meta.url))

/** Starts a subject on its core and waits for its first response. */
export async function start(subject: Subject, url: string): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-bench-'))
  const before = performance.now()
  const args = [PROGRAM, subject.file, subject.store, url, folder]
  const child = spawn(...onCore(cores.server, process.execPath, args), {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production' },
  })
  let errors = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-4000)))
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  // AdonisJS sends its parent messages of its own.
  const message = async <T extends object>(key: keyof T): Promise<T> => {
    const heard = new Promise<T>((resolve) => {
      const listen = (value: unknown): void => {
        if (typeof value !== 'object' || value === null || !(key in value)) return
        child.off('message', listen)
        resolve(value as T)
      }
      child.on('message', listen)
    })
    const failed = ended.then(() => Promise.reject(new Error(`${subject.name} ended\n${errors}`)))
    return await Promise.race([heard, failed])
  }
  const { listensOn: port } = await message<{ listensOn: number }>('listensOn')
  const client = clientOf(port)
  const { status } = await client.get('/anonymous')
  const startup = performance.now() - before
  if (status !== 200) throw new Error(`${subject.name}: the first answer is ${status}`)
  return {
    port,
    pid: child.pid ?? 0,
    client,
    startup,
    async usage() {
      const answer = message<Usage>('requests')
      child.send('usage')
      return await answer
    },
    async stop() {
      client.close()
      child.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { cores, onCore } from './cores.ts'

const PROGRAM = fileURLToPath(new URL('../servers/memory.ts', import.meta.url))

/** Subjects that keep sessions in their own process and bring the store themselves. */
export const inMemory: readonly string[] = [
  'sojourn-express-memory',
  'express-session-memory',
  'express-session-memorystore',
  'fastify-session-memory',
  'hono-sessions-memory',
]

/** Bytes of the heap for each of so many sessions. */
export async function bytesPerSession(subject: string, sessions: number): Promise<number> {
  const args = ['--expose-gc', '--max-old-space-size=6000', PROGRAM, subject, String(sessions)]
  const { stdout } = await promisify(execFile)(...onCore(cores.server, process.execPath, args))
  return Number(stdout)
}

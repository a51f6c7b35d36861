import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Guard } from '../../servers/guard.ts'

// What is mounted there, started there and left in shared memory there ends with the first process.
const unshare = ['--mount', '--pid', '--ipc', '--fork', '--kill-child', '--mount-proc'] as const

/** Whether this process may make such spaces and change the root in them. */
export function mayIsolate(): boolean {
  return spawnSync('unshare', [...unshare, 'chroot', '/', 'true'], { stdio: 'ignore' }).status === 0
}

export interface IsolatedOptions {
  /** Takes what the program prints; the terminal does by default. */
  readonly logPath?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a program with mounts and processes of its own, all ended by the guard, and resolves its exit code. */
export async function runIsolated(
  keeper: Guard,
  command: readonly string[],
  options: IsolatedOptions,
): Promise<number> {
  const log = options.logPath === undefined ? undefined : openSync(options.logPath, 'a')
  const output = log ?? 'inherit'
  const child = spawn('unshare', [...unshare, ...command], {
    stdio: [log === undefined ? 'inherit' : 'ignore', output, output],
    env: options.env ?? process.env,
  })
  if (log !== undefined) closeSync(log)
  const ended = once(child, 'close') as Promise<[code: number | null]>
  while (child.exitCode === null && child.signalCode === null) {
    const first = firstChildOf(child.pid)
    if (first !== undefined) {
      keeper.watch(first)
      break
    }
    await sleep(5)
  }
  const [code] = await ended
  keeper.watch(undefined)
  return code ?? 1
}

/** The first process of the space: the kernel ends all others before it counts as ended itself. */
function firstChildOf(pid: number | undefined): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim() || undefined) || undefined
  } catch {
    return undefined
  }
}

import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { onPath } from '../../scripts/parts.ts'

const count = availableParallelism()

/** Which processor core works for whom. With two cores, databases share theirs with the load. */
export const cores = {
  server: 0,
  load: Math.min(1, count - 1),
  database: Math.min(2, count - 1),
} as const

/** Puts this process, and all that it starts from now on, on one core. */
export function moveTo(core: number): void {
  if (onPath('taskset') === undefined) throw new Error('taskset is not installed (util-linux): the benchmark needs it')
  const { status, stderr } = spawnSync('taskset', ['-acp', String(core), String(process.pid)])
  if (status !== 0) throw new Error(`taskset failed: ${stderr.toString()}`)
}

/** A command that runs on one core, whatever this process is on. */
export function onCore(core: number, command: string, args: readonly string[]): [string, string[]] {
  return ['taskset', ['-c', String(core), command, ...args]]
}

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Ends a process and all that it started with SIGKILL, and resolves when all of them are gone. */
export async function killTree(pid: number): Promise<void> {
  // While it stands still it can start no further process.
  signal(pid, 'SIGSTOP')
  const all = [pid, ...descendantsOf(pid)]
  for (const each of all) signal(each, 'SIGKILL')
  while (all.some(isRunning)) await sleep(10)
}

/** Whether the process still does anything: one that nobody has waited for yet does not. */
export function isRunning(pid: number): boolean {
  const state = stateOf(pid)
  return state !== undefined && state.letter !== 'Z' && state.letter !== 'X'
}

function descendantsOf(pid: number): number[] {
  const parents = new Map(allProcesses().map((each) => [each, stateOf(each)?.parent]))
  const found = [pid]
  for (const ancestor of found) {
    for (const [each, parent] of parents) if (parent === ancestor) found.push(each)
  }
  return found.slice(1)
}

function allProcesses(): number[] {
  // Elsewhere than on Linux only the process itself is ended.
  if (!existsSync('/proc')) return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

function stateOf(pid: number): { letter: string; parent: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name of the program stands before this, in brackets, and may hold anything.
    const [letter = '', parent = ''] = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { letter, parent: Number(parent) }
  } catch {
    return undefined
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended by itself.
  }
}

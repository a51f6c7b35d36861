import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves when the condition holds. Its failures count as "not yet", for servers that are starting or changing. */
export async function until(what: string, holds: () => Promise<boolean>, limitMs = 60_000): Promise<void> {
  const deadline = Date.now() + limitMs
  let failure: unknown
  const tried = async (): Promise<boolean> => {
    try {
      return await holds()
    } catch (error) {
      failure = error
      return false
    }
  }
  while (!(await tried())) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`, { cause: failure })
    await sleep(50)
  }
}

/** Mutual exclusion by name, in this process. */
export interface Locks {
  /** Runs `fn` when nobody else holds any of the names; names are taken together, so two callers never wait for each other. */
  run<Result>(names: readonly string[], fn: () => Promise<Result>): Promise<Result>
}

export function locks(): Locks {
  const last = new Map<string, Promise<unknown>>()
  return {
    async run(names, fn) {
      const before = names.flatMap((name) => last.get(name) ?? [])
      const { promise, settle } = latch()
      for (const name of names) last.set(name, promise)
      try {
        if (before.length > 0) await Promise.all(before)
        return await fn()
      } finally {
        for (const name of names) if (last.get(name) === promise) last.delete(name)
        settle()
      }
    },
  }
}

/** Many calls at once, or one that needs to be alone. */
export interface Gate {
  shared<Result>(fn: () => Promise<Result>): Promise<Result>
  /** Waits for the calls that run, and keeps later ones waiting. */
  alone<Result>(fn: () => Promise<Result>): Promise<Result>
}

export function gate(): Gate {
  let running = 0
  let barrier: Promise<void> | undefined
  let onLast: (() => void) | undefined
  return {
    async shared(fn) {
      while (barrier !== undefined) await barrier
      running++
      try {
        return await fn()
      } finally {
        if (--running === 0) onLast?.()
      }
    },
    async alone(fn) {
      while (barrier !== undefined) await barrier
      const { promise, settle } = latch()
      barrier = promise
      try {
        const idle = latch()
        onLast = idle.settle
        if (running > 0) await idle.promise
        return await fn()
      } finally {
        barrier = undefined
        onLast = undefined
        settle()
      }
    },
  }
}

function latch(): { readonly promise: Promise<void>; readonly settle: () => void } {
  let settle = (): void => {}
  const promise = new Promise<void>((resolve) => {
    settle = resolve
  })
  return { promise, settle }
}

import { later } from '#platform'

/** The life of one subscription: it ends once, by itself or because somebody wants it to. */
export interface Life {
  readonly isOver: () => boolean
  /** Ends it. */
  readonly end: () => void
  /** Ends it and tells so, unless it is over. */
  readonly lose: () => void
  /** Does something after a while, unless it is over by then. One thing at a time. */
  readonly later: (milliseconds: number, fn: () => void) => void
}

export function createLife(onLost: () => void): Life {
  let isOver = false
  let cancel = (): void => undefined
  const end = (): void => {
    isOver = true
    cancel()
  }
  return {
    isOver: () => isOver,
    end,
    lose() {
      if (isOver) return
      end()
      onLost()
    },
    later(milliseconds, fn) {
      if (!isOver) cancel = later(milliseconds, fn)
    },
  }
}

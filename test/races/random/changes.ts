/** Something that a request does to the data. Every value is used once in a schedule, so that nothing can pass for another. */
export type Change =
  /** A key of its own, below one that all share. */
  | { readonly kind: 'own'; readonly key: string }
  | { readonly kind: 'append'; readonly item: string }
  /** One value that everybody writes: the later save wins. */
  | { readonly kind: 'shared'; readonly value: string }
  | { readonly kind: 'flash'; readonly message: string }
  | { readonly kind: 'count'; readonly by: number }
  | { readonly kind: 'put'; readonly prize: string }
  | { readonly kind: 'take' }
  | { readonly kind: 'note'; readonly item: string }
  | { readonly kind: 'drain' }

/** The data of the schedules; the same shape as in the stored text. */
export interface Data {
  own?: Record<string, boolean>
  list?: string[]
  shared?: string
  n?: number
  prize?: string
  notes?: string[]
}

interface FlashLike {
  readonly kind: string
  readonly message: string
}

/** Data with the messages that lie beside it in the text. */
export interface Content extends Data {
  $flash?: readonly FlashLike[]
}

/** What the changes make of the content, one after the other: the meaning that the engine has to keep. */
export function changed(content: Content, changes: readonly Change[]): Content {
  const next: Content = structuredClone(content)
  for (const change of changes) {
    if (change.kind === 'flash') {
      next.$flash = [...(next.$flash ?? []), { kind: 'info', message: change.message }]
    } else if (change.kind === 'drain') delete next.$flash
    else applyTo(next, change)
  }
  return next
}

/** Does it to data; the same code for a request and for the one who checks. */
export function applyTo(data: Data, change: Exclude<Change, { kind: 'flash' | 'drain' }>): void {
  switch (change.kind) {
    case 'own':
      data.own = { ...data.own, [change.key]: true }
      break
    case 'append':
      data.list = [...(data.list ?? []), change.item]
      break
    case 'shared':
      data.shared = change.value
      break
    case 'count':
      data.n = (data.n ?? 0) + change.by
      break
    case 'put':
      data.prize = change.prize
      break
    case 'take':
      delete data.prize
      break
    case 'note':
      data.notes = [...(data.notes ?? []), change.item]
  }
}

/** What goes over into the session of a login or out of a logout. */
export function kept(content: Content, keep: readonly string[] | 'all' | undefined): Content {
  if (keep === 'all') return content
  return Object.fromEntries(Object.entries(content).filter(([key]) => key !== '$flash' && keep?.includes(key)))
}

export function contentOf(text: string): Content {
  return JSON.parse(text) as Content
}

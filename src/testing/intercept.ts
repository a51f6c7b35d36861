import type { Store } from '../core/store.ts'
import { isScannable } from '../core/store.ts'

/** The name of a method of a store or of one of its capabilities. Every page of a scan counts as one call of `scan`. */
export type StoreMethod = (typeof methods)[number]

const methods = [
  'get',
  'insert',
  'update',
  'touch',
  'rotate',
  'delete',
  'listBySubject',
  'countBySubject',
  'deleteByHandle',
  'deleteBySubject',
  'clear',
  'sweep',
  'scan',
  'close',
] as const

/** One call on a store, as it was made. */
export interface StoreCall {
  readonly method: StoreMethod
  readonly args: readonly unknown[]
}

/** Stands around every call: `run` makes the call on the inner store, as often as it is called. */
export type Around = (call: StoreCall, run: () => Promise<unknown>) => Promise<unknown>

/** The same store with `around` at every call; it has exactly the capabilities of the inner one. */
export function interceptStore<S extends Store>(inner: S, around: Around): S {
  return new Proxy(inner, {
    get(target, property): unknown {
      const method = methods.find((name) => name === property)
      const value: unknown = Reflect.get(target, property)
      if (method === undefined || typeof value !== 'function') return value
      if (method === 'scan') return (...args: readonly unknown[]) => pagesOf(target, args, around)
      return (...handed: readonly unknown[]) => {
        const args = handed.map(copyOf)
        return around({ method, args }, async () => {
          const answer: unknown = await Reflect.apply(value, target, args)
          return answer
        })
      }
    },
  })
}

/** A store takes what it is handed at the moment of the call, so a call that waits here must too. */
function copyOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? { ...value } : value
}

function pagesOf(store: Store, args: readonly unknown[], around: Around): AsyncIterable<unknown> {
  if (!isScannable(store)) throw new TypeError(`${store.name}: no scan`)
  const pages = store.scan(asPageOptions(args[0]))
  return {
    [Symbol.asyncIterator]() {
      const inner = pages[Symbol.asyncIterator]()
      const next = async (): Promise<IteratorResult<unknown>> => {
        let result: IteratorResult<unknown> = { done: true, value: undefined }
        await around({ method: 'scan', args }, async () => {
          result = await inner.next()
        })
        return result
      }
      const end = async (): Promise<IteratorResult<unknown>> =>
        (await inner.return?.()) ?? { done: true, value: undefined }
      return { next, return: end }
    },
  }
}

function asPageOptions(value: unknown): { readonly pageSize?: number } {
  const hasSize = typeof value === 'object' && value !== null && 'pageSize' in value
  return hasSize && typeof value.pageSize === 'number' ? { pageSize: value.pageSize } : {}
}

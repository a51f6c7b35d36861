import type { NodeResponse } from './node-response.ts'
import { isHttp2 } from './node-response.ts'

/** What is held back of a response that seems to be sent. */
export interface HeldBack {
  readonly isHeld: boolean
  readonly isEnded: boolean
  /** Whether the application was told to wait before it writes more. */
  readonly owesDrain: boolean
  /** Whether somebody above tells the application when to wait, and when no more. */
  readonly isCovered: boolean
}

// One for each kind of response. It stays with the response: to define these properties on each one and to take them away
// again cost V8 20 microseconds, and this costs 3.
const kinds = new WeakMap<object, object>()
const heldBack = Symbol('sojourn.held')

/** Lets a response seem to be sent for as long as something of it is held back. */
export function seemSent(response: NodeResponse, held: HeldBack): void {
  const kind: unknown = Object.getPrototypeOf(response)
  if (typeof kind !== 'object' || kind === null) return
  const seeming = kinds.get(kind) ?? seemingKind(kind)
  Reflect.set(response, heldBack, held)
  if (seeming !== kind) Object.setPrototypeOf(response, seeming)
}

function seemingKind(kind: object): object {
  const own = (name: string, seeming: (held: HeldBack, response: NodeResponse) => unknown): PropertyDescriptor => ({
    get(this: NodeResponse): unknown {
      const held = heldBackOf(this)
      return held?.isHeld === true ? seeming(held, this) : Reflect.get(kind, name, this)
    },
    // What somebody assigns becomes the response's own, as it would without this.
    set(this: object, value: unknown) {
      Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true })
    },
  })
  const refuse = (_held: HeldBack, response: NodeResponse) => (): never => {
    throw sentError(response)
  }
  const seeming = Object.defineProperties(derivedFrom(kind), {
    headersSent: own('headersSent', () => true),
    writableEnded: own('writableEnded', ({ isEnded }) => isEnded),
    writableNeedDrain: own(
      'writableNeedDrain',
      ({ owesDrain, isEnded, isCovered }) => owesDrain && !isEnded && !isCovered,
    ),
    setHeader: own('setHeader', refuse),
    appendHeader: own('appendHeader', refuse),
    removeHeader: own('removeHeader', refuse),
    // What middleware calls to have the head written before its first chunk: here that has been done.
    ...('_implicitHeader' in kind && { _implicitHeader: own('_implicitHeader', () => () => undefined) }),
  })
  kinds.set(kind, seeming)
  kinds.set(seeming, seeming)
  return seeming
}

function derivedFrom(kind: object): object {
  const derived = {}
  Object.setPrototypeOf(derived, kind)
  return derived
}

function heldBackOf(response: object): HeldBack | undefined {
  const held: unknown = Reflect.get(response, heldBack)
  // Only `seemSent` knows the symbol.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return held as HeldBack | undefined
}

/** What Node throws for a change of headers that are sent. */
export function sentError(response: NodeResponse): Error {
  const code = isHttp2(response) ? 'ERR_HTTP2_HEADERS_SENT' : 'ERR_HTTP_HEADERS_SENT'
  return Object.assign(new Error('Cannot set headers after they are sent to the client'), { code })
}

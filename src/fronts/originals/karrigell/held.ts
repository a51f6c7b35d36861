import type { Codec } from '../../../core/data/codec.ts'
import { strictCodec } from '../../../core/data/codec.ts'
import { SessionError } from '../../../core/errors.ts'

/** A codec for sessions that stay in this process. */
export interface HeldObjects {
  /** Plain objects and lists become text; for every other object the text has a ticket. */
  readonly codec: Codec
  /** The objects whose tickets stand in a text. Somebody must keep them, for as long as the text is to be decoded. */
  readonly objectsIn: (text: string) => readonly object[]
}

/** What a ticket gives whose object nobody has kept: an object that is the same as no other. */
class Lost {
  readonly isLost = true
}

const TICKET = '$held'
const TICKETS = /\{"\$held":(\d+)\}/g
// What a session of any sense has. Beyond it the codec says what is wrong, also of an object that contains itself.
const LIMITS = { depth: 64, keys: 10_000 }

/** One object has one ticket, so that a text changes only when the session holds another object. */
export function heldObjects(): HeldObjects {
  const json = strictCodec(LIMITS)
  const tickets = new WeakMap<object, number>()
  const objects = new Map<number, WeakRef<object>>()
  const forgotten = new FinalizationRegistry<number>((ticket) => objects.delete(ticket))
  let last = 0
  const ticketOf = (object: object): number => {
    const known = tickets.get(object)
    if (known !== undefined) return known
    last += 1
    tickets.set(object, last)
    objects.set(last, new WeakRef(object))
    forgotten.register(object, last)
    return last
  }
  const objectOf = (ticket: unknown): object | undefined => objects.get(Number(ticket))?.deref()
  return {
    codec: {
      encode: (value) => json.encode(changed(value, (object) => ({ [TICKET]: ticketOf(object) }), 0)),
      decode: (text) => redeemed(json.decode(text), (ticket) => objectOf(ticket) ?? new Lost()),
    },
    objectsIn: (text) => [...text.matchAll(TICKETS)].flatMap(([, ticket]) => objectOf(ticket) ?? []),
  }
}

function changed(value: unknown, ticketFor: (object: object) => object, depth: number): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || depth > LIMITS.depth) return value
  if (!isPlain(value)) return ticketFor(value)
  if (Object.hasOwn(value, TICKET)) {
    throw new SessionError('not-encodable', `session data: the key "${TICKET}" is taken; use another one`)
  }
  return mapped(value, (child) => changed(child, ticketFor, depth + 1))
}

function redeemed(value: unknown, objectOf: (ticket: unknown) => object): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Object.hasOwn(value, TICKET)) return objectOf(Reflect.get(value, TICKET))
  return mapped(value, (child) => redeemed(child, objectOf))
}

function mapped(value: object, change: (child: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(change)
  const copy = {}
  for (const [key, child] of Object.entries(value)) {
    // Defined, not assigned: a hostile key stays data.
    Object.defineProperty(copy, key, { value: change(child), writable: true, enumerable: true, configurable: true })
  }
  return copy
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null || prototype === Array.prototype
}

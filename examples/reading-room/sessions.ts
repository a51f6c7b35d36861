import type { Session, Sessions, Store } from 'sojourn'
import { createSessions } from 'sojourn'
import type { Settings } from './settings.ts'

/** Everything that the application remembers about a visitor between two requests. */
export interface Visit {
  /** How often this visitor has seen the counter. */
  count: number
  /** Quantity by product id. */
  cart: Record<string, number>
  /** There from the first step of the checkout until the order is placed. */
  checkout?: Checkout
  /** Numbers of the orders placed in this session, so that a guest can look at them too. */
  placed: string[]
}

/** What the steps of the checkout have collected so far. */
export interface Checkout {
  /** Names this checkout, so that it becomes one order however often the last button is pressed. */
  key: string
  address?: Address
  gift?: { message: string }
  /** All that is kept of the card. */
  card?: { brand: string; lastFour: string }
  /** The total that the visitor was shown before the last button. */
  shownTotal?: number
}

export interface Address {
  name: string
  street: string
  postcode: string
  city: string
  country: string
}

export type VisitSession = Session<Visit>

/** What of an anonymous visit goes on after signing in. */
export const keptAtSignIn = ['count', 'cart', 'checkout', 'placed'] as const

/** The one place where sessions are set up. */
export function openSessions(store: Store, { isProduction }: Settings): Sessions<Visit> {
  return createSessions<Visit>({
    store,
    initial: () => ({ count: 0, cart: {}, placed: [] }),
    timeouts: { idle: '30m', absolute: '12h' },
    // A lost telephone's session does not pile up for ever.
    perSubject: { max: 10, onLimit: 'evict-oldest' },
    // On a developer's machine there is no https, which the default cookie asks for.
    cookie: isProduction ? {} : { insecureDevelopment: true },
  })
}

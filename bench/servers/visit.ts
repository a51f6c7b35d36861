/** What every subject keeps in a session: about 250 bytes as JSON. */
export interface Visit {
  slot: number
  visits: number
  theme: string
  locale: string
  cart: { sku: string; title: string; count: number; price: number }[]
  seen: string[]
  user?: string
}

/** A new session's data. The slot is in it, so that an answer shows whose session it was made from. */
export function visitOf(slot: number): Visit {
  return {
    slot,
    visits: 0,
    theme: 'dark',
    locale: 'en-GB',
    cart: [
      { sku: `A-${1000 + slot}`, title: 'Blue cotton scarf', count: 1, price: 2495 },
      { sku: `B-${2000 + slot}`, title: 'Notebook, squared', count: 2, price: 650 },
    ],
    seen: [`p-${100 + slot}`, `p-${200 + slot}`],
  }
}

/** The page: what it says was read from the session. */
export function pageOf(visit: Pick<Visit, 'slot' | 'visits'>): string {
  return `${visit.slot} ${visit.visits}`
}

/** What a subject without sessions answers: as long as the others' pages. */
export const BARE_PAGE = pageOf(visitOf(17))

/** The answer to an anonymous visit, which no handler makes from a session. */
export const ANONYMOUS_PAGE = '0 0'

/** The answer, with the status 409, when the session is not there: it voids a run. */
export const LOST = 'no session'

/** Who signs in. */
export function userOf(visit: Pick<Visit, 'slot'>): string {
  return `user-${visit.slot}`
}

/** Keys and passwords of the libraries that want one. */
export const SECRET = 'a secret that only this benchmark knows, of more than 32 bytes'

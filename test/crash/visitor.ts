import type { Answer, Client, RequestOptions } from './client.ts'
import type { Change, Contents, Deed, Entry, Ledger } from './ledger.ts'
import { PASSWORD } from './readers.ts'
import type { Reader } from './readers.ts'

/** What the visitors share. */
export interface Scenery {
  readonly ledger: Ledger
  readonly products: readonly string[]
  readonly nextReader: () => Reader
}

/** A person with a browser, who does one thing after the other, and some things in several tabs at once. */
export interface Visitor {
  /** Does something. False when the application did not answer. */
  act(client: Client): Promise<boolean>
}

// The application ends a user's oldest sessions when there are more than ten; here no session may end by that.
const SESSIONS_EACH = 8
const MOST_OF_A_PRODUCT = 20
const NOTHING: Contents = { reader: undefined, count: 0, cart: {}, notices: 0 }

const isRead: Change = (before) => ({ ...before, notices: 0 })
const isNoted: Change = (before) => ({ ...before, notices: before.notices + 1 })
const isCounted: Change = (before) => ({ ...before, count: before.count + 1 })
const isEnded: Change = () => undefined

type Act = (client: Client, entry: Entry, known: Contents) => Promise<boolean>

export function createVisitor({ ledger, products, nextReader }: Scenery, random: () => number): Visitor {
  let entry: Entry | undefined
  let formToken: string | undefined
  let reader = nextReader()
  let sessions = 0
  /** Sessions of the same reader, on devices that were left behind. */
  let others: Entry[] = []

  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const become = (next: Entry | undefined): void => {
    entry = next
    formToken = undefined
  }

  /** Sends a request that does the deeds; undefined when there was no answer, or none of those that it may give. */
  const send = async (
    name: string,
    client: Client,
    path: string,
    options: RequestOptions & { readonly deeds: readonly (readonly [Entry, Deed])[]; readonly expect: number },
  ): Promise<Answer | undefined> => {
    const acknowledge = ledger.begin(name, options.deeds)
    const answer = await client.request(path, options)
    if (answer === undefined) return undefined
    if (answer.status !== options.expect) {
      ledger.report('refused', `${name}: ${answer.status}`)
      return undefined
    }
    acknowledge()
    return answer
  }

  /** For what must give the visitor another cookie. */
  const moveOn = async (name: string, answer: Promise<Answer | undefined>, contents: Contents): Promise<boolean> => {
    const arrived = await answer
    if (arrived === undefined) return false
    if (arrived.cookie === undefined) ledger.report('refused', `${name}: no new cookie`)
    become(arrived.cookie === undefined ? undefined : ledger.add(arrived.cookie, contents))
    return true
  }

  const arrive = async (client: Client): Promise<boolean> => {
    const answer = await client.request(`/shop/${pick(products)}`)
    if (answer?.cookie === undefined) return false
    become(ledger.add(answer.cookie, NOTHING))
    formToken = (await answer.page)?.formToken
    return true
  }

  const look: Act = async (client, at) => {
    const options = { cookie: at.cookie, deeds: [[at, [isRead]]] as const, expect: 200 }
    const answer = await send('look', client, `/shop/${pick(products)}`, options)
    formToken = (await answer?.page)?.formToken
    return answer !== undefined
  }

  const countOnce = async (client: Client, at: Entry): Promise<number | undefined> => {
    const options = { cookie: at.cookie, deeds: [[at, [isCounted, isRead]]] as const, expect: 200 }
    return (await (await send('count', client, '/count', options))?.page)?.counted
  }
  const count: Act = async (client, at, { count: before }) => {
    const tabs = Array.from({ length: random() < 0.5 ? 1 : 3 }, () => countOnce(client, at))
    const shown = await Promise.all(tabs)
    if (shown.includes(undefined)) return false
    const isExact = shown.toSorted((a = 0, b = 0) => a - b).every((number, index) => number === before + index + 1)
    if (!isExact) ledger.report('count lost', `pages showed ${shown.join(', ')} after ${before}`)
    return true
  }

  const add: Act = async (client, at) => {
    const id = pick(products)
    const quantity = 1 + Math.floor(random() * 3)
    const isAdded: Change = (before) => {
      const sum = Math.min(MOST_OF_A_PRODUCT, (before.cart[id] ?? 0) + quantity)
      return { ...before, cart: { ...before.cart, [id]: sum } }
    }
    const form = { _csrf: formToken ?? '', quantity: String(quantity) }
    const options = { cookie: at.cookie, form, deeds: [[at, [isAdded, isNoted]]] as const, expect: 303 }
    return (await send('add to cart', client, `/cart/add/${id}`, options)) !== undefined
  }

  const signIn: Act = (client, at, known) => {
    if (++sessions > SESSIONS_EACH) {
      reader = nextReader()
      sessions = 1
      others = []
    }
    const form = { _csrf: formToken ?? '', email: reader.email, password: PASSWORD }
    const options = { cookie: at.cookie, form, deeds: [[at, [isEnded]]] as const, expect: 303 }
    const contents = { ...known, reader: reader.name, notices: 1 }
    return moveOn('sign-in', send('sign-in', client, '/sign-in', options), contents)
  }

  const signOut: Act = async (client, at) => {
    const form = { _csrf: formToken ?? '' }
    const options = { cookie: at.cookie, form, deeds: [[at, [isEnded]]] as const, expect: 303 }
    // Sometimes another tab is just saving something: that must not bring the session back.
    const beside = random() < 0.5 ? lateCount(client, at) : undefined
    const isOut = await moveOn('sign-out', send('sign-out', client, '/sign-out', options), { ...NOTHING, notices: 1 })
    await beside
    return isOut
  }
  const lateCount = async (client: Client, at: Entry): Promise<void> => {
    const deed: Deed = [isCounted, isRead]
    const acknowledge = ledger.begin('count during sign-out', [[at, deed]])
    const answer = await client.request('/count', { cookie: at.cookie })
    if (answer === undefined) return
    acknowledge()
    // Told to try again, or that the session has ended meanwhile.
    if (![200, 409].includes(answer.status)) ledger.report('refused', `count during sign-out: ${answer.status}`)
    if (answer.cookie !== undefined) ledger.report('revived', 'a late request got a new cookie')
  }

  const signOutOthers: Act = async (client, at, known) => {
    const ended = others.map((other) => [other, [isEnded]] as const)
    const form = { _csrf: formToken ?? '' }
    const options = { cookie: at.cookie, form, deeds: [[at, [isEnded]], ...ended] as const, expect: 303 }
    const path = '/devices/others/sign-out'
    const contents = { ...known, notices: known.notices + 1 }
    const isDone = await moveOn('sign-out of others', send('sign-out of others', client, path, options), contents)
    if (isDone) others = []
    return isDone
  }

  const destroy: Act = async (client, at) => {
    const form = { _csrf: formToken ?? '' }
    const options = { cookie: at.cookie, form, deeds: [[at, [isEnded]]] as const, expect: 200 }
    const answer = await send('destroy', client, '/reset', options)
    if (answer !== undefined) become(undefined)
    return answer !== undefined
  }

  /** Leaves the device as it is, to see later what has become of the session. */
  const leave: Act = async (_client, at, { reader: name }) => {
    if (name !== undefined) others.push(at)
    become(undefined)
    return true
  }

  const choose = (known: Contents): Act => {
    const chance = random()
    if (chance < 0.35) return count
    if (formToken === undefined) return look
    if (chance < 0.6) return add
    if (chance < 0.63) return destroy
    if (known.reader === undefined) return chance < 0.7 ? leave : signIn
    if (chance < 0.75) return leave
    others = others.filter((other) => other.known !== undefined)
    return chance < 0.85 && others.length > 0 ? signOutOthers : signOut
  }

  return {
    act(client) {
      const known = entry?.known
      if (entry === undefined || known === undefined) return arrive(client)
      return choose(known)(client, entry, known)
    },
  }
}

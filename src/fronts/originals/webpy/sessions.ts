import type { Carrier, RequestFacts } from '../../../core/web/carrier.ts'
import type { SessionsOptions } from '../../../core/config.ts'
import { sessionsOptionNames } from '../../../core/config.ts'
import { checkFlag, checkNames } from '../../../core/options.ts'
import { registered, unregister } from '../../../core/registry.ts'
import type { Sessions } from '../../../core/sessions.ts'
import { createSessions } from '../../../core/sessions.ts'
import { plainSeal, signedSeal } from '../../../core/token.ts'
import type { SessionParameters } from './config.ts'
import { carrierFor, optionsFor } from './config.ts'
import { alwaysWithCookie } from './cookie.ts'
import type { SessionStorage } from './stores.ts'

/** What web.py's configuration has no name for; and whatever else `createSessions` takes. */
export interface SessionExtras<Data extends object> extends Omit<
  Partial<SessionsOptions<Data>>,
  'store' | 'initial' | 'namespace' | 'cookie' | 'carriers' | 'bind' | 'refusal' | 'secrets' | 'rotation'
> {
  /** With a name, the Session of a set-up module that is loaded again goes on with the first one's store and sessions. */
  readonly name?: string
  /** Whether the cookie outlives the browser, by `timeout` after each use. @defaultValue false */
  readonly persistent?: boolean
  /** Carriers for clients without cookies, such as `urlCarrier()` and `formCarrier()`. */
  readonly fallbacks?: readonly Carrier[]
}

const ELSEWHERE: readonly string[] = [
  'store',
  'initial',
  'namespace',
  'cookie',
  'carriers',
  'bind',
  'refusal',
  'secrets',
  'rotation',
]
const NAMES = [...sessionsOptionNames.filter((name) => !ELSEWHERE.includes(name)), 'persistent', 'fallbacks']

/** @throws TypeError for names that are no options, and for wrong values that the engine does not see. */
export function checkExtras(extras: object): void {
  checkNames('Session', extras, NAMES)
  checkFlag('Session: persistent', Reflect.get(extras, 'persistent'))
}

/** What a Session is made of. */
export interface Parts<Data extends object> {
  readonly storage: SessionStorage
  readonly initial: () => Data
  readonly parameters: SessionParameters
  readonly extras: SessionExtras<Data>
  readonly wasKilled: (session: object) => boolean
}

/** The engine as web.py would run it; the same one for parts of the same name. */
export function webpySessions<Data extends object>(parts: Parts<Data>): Sessions<Data> {
  const { name } = parts.extras
  if (name === undefined) return build(parts)
  const registeredName = `webpy:${name}`
  return registered(registeredName, () => {
    const sessions = build(parts)
    const close = (): Promise<void> => {
      unregister(registeredName)
      return sessions.close()
    }
    return { ...sessions, close }
  })
}

function build<Data extends object>({ storage, initial, parameters, extras, wasKilled }: Parts<Data>): Sessions<Data> {
  const { persistent = false, fallbacks = [], name: _, now = Date.now, ...rest } = extras
  const carrier = carrierFor(parameters, { persistent, now })
  const derived = optionsFor(parameters)
  const elsewhere = addressBinding()
  const common: SessionsOptions<Data> = {
    codec: 'strict',
    ...derived,
    ...rest,
    timeouts: { ...derived.timeouts, ...rest.timeouts },
    initial,
    now,
    carriers: [carrier, ...fallbacks],
    store: storage.open(now, parameters.timeout),
    ...(parameters.ignore_change_ip ? {} : { bind: elsewhere.bind }),
  }
  const sessions = createSessions<Data>(common)
  // The message for a changed address is wanted also where unknown and expired ids pass in silence.
  const strict = createSessions<Data>({
    ...common,
    refusal: { answer: 'message', message: parameters.expired_message },
  })
  const seal = parameters.secret_key === undefined ? plainSeal : signedSeal([parameters.secret_key])
  return {
    ...sessions,
    async open(facts) {
      const session = await sessions.open(facts)
      if (!session.isStarted && elsewhere.wasAsked(facts)) return strict.open(facts)
      return alwaysWithCookie(session, { carrier, seal, wasKilled })
    },
  }
}

const NO_ADDRESS =
  'ignore_change_ip: it is false, and this server does not tell the address of the client; ' +
  'give application(urls, { clientAddress }), trustProxy where a proxy tells it, or set ignore_change_ip'

/** Binds sessions to addresses, and tells for which requests a bound session was found. */
function addressBinding(): {
  readonly bind: (facts: RequestFacts) => string | undefined
  readonly wasAsked: (facts: RequestFacts) => boolean
} {
  const asked = new WeakSet<RequestFacts>()
  return {
    bind(facts) {
      asked.add(facts)
      // To let everybody in would be a setting that is not in force, and nobody would see it.
      if (facts.clientAddress === undefined) throw new TypeError(NO_ADDRESS)
      return facts.clientAddress
    },
    wasAsked: (facts) => asked.has(facts),
  }
}

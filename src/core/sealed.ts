/** What other libraries write on a session, and what to do here instead. */
const REMEDIES: ReadonlyMap<string, string> = new Map([
  [
    'cookie',
    'set the cookie in the option `cookie` of createSessions, and limits in `timeouts` or by session.start({ idle })',
  ],
  ['id', 'session.handle names a session, and session.reference names it in logs'],
  ['sessionID', 'session.handle names a session, and session.reference names it in logs'],
  ['regenerate', 'await session.login(user) gives a new token, and so does await session.rotate()'],
  ['reload', 'data are loaded with the request, and session.update(change) runs on those that are in the store now'],
  ['touch', 'use is written down by itself'],
  ['csrfSecret', "use csrf() of 'sojourn/csrf', or keep it in session.data.csrfSecret"],
  ['csrfToken', "use csrf() of 'sojourn/csrf', or keep it in session.data.csrfToken"],
  ['passport', 'await session.login(user.id) signs in, and session.subject tells who it is'],
  [
    'user',
    'await session.login(user.id) signs in, and session.subject tells who it is; other data go to session.data.user',
  ],
  ['userId', 'await session.login(userId) signs in, and session.subject tells who it is'],
  ['views', 'count in session.data.views'],
  ['flash', 'session.flash(kind, message) keeps a message, and await session.flashes() takes them'],
  ['data', 'change what is in session.data; session.clear() empties it'],
])

const MISSING_METHODS: readonly string[] = ['regenerate', 'reload', 'touch']

// Of `update` the argument is a function, and `get`, `set` and `flash` are not waited for.
const VERBS: ReadonlySet<string> = new Set(
  'start save destroy rotate login elevate logout increment take flashes isAlive'.split(' '),
)

/**
 * Closes the class of sessions: what all visitors have in common cannot be changed, and a property written on a session,
 * which nobody would keep, is a TypeError that says what to do, told by `warn` too for code that swallows errors. It works
 * in sloppy code as in strict code, and costs a request nothing: the trap stands behind the prototype, where only names
 * arrive that no session has.
 */
export function sealClass(
  kind: { readonly prototype: object },
  warn: (session: unknown, message: string) => void,
): void {
  const { prototype } = kind
  const refuse: Refuse = (session, message) => {
    warn(session, message)
    throw new TypeError(message)
  }
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (name !== 'constructor') Object.defineProperty(prototype, name, sealedProperty(name, descriptor, refuse))
  }
  Object.setPrototypeOf(prototype, behind(refuse))
  Object.freeze(prototype)
  Object.freeze(kind)
}

type Method = (...args: readonly unknown[]) => unknown

function isMethod(value: unknown): value is Method {
  return typeof value === 'function'
}

type Refuse = (session: unknown, message: string) => never

// oxlint-disable typescript/unbound-method -- what is taken from a descriptor is called on the session it is asked of
// A setter and not a property that is read-only: writing to that is silent in sloppy code.
function sealedProperty(name: string, { get, value }: PropertyDescriptor, refuse: Refuse): PropertyDescriptor {
  const method: unknown = VERBS.has(name) && isMethod(value) ? withoutCallback(name, value) : value
  const property = {
    get: get ?? ((): unknown => method),
    set(this: unknown): never {
      return refuse(this, unkept(name))
    },
  }
  for (const part of [method, property.get, property.set]) Object.freeze(part)
  return property
}

// Thrown, not a rejection: who gives a callback looks at no promise, and the rejection would end the process.
function withoutCallback(name: string, method: Method): unknown {
  const verb = {
    [name](this: unknown, ...args: readonly unknown[]): unknown {
      if (args.some((argument) => typeof argument === 'function')) {
        throw new TypeError(`session.${name}: takes no callback; it returns a promise, so await it`)
      }
      return Reflect.apply(method, this, args)
    },
  }
  return verb[name]
}

/** Where a look-up arrives that found nothing on a session. */
function behind(refuse: Refuse): object {
  const nothing = Object.freeze({})
  const set = (_target: object, name: PropertyKey, _value: unknown, session: unknown): never =>
    refuse(session, unkept(name))
  // One for each look-up, because the warning is for the manager of that session.
  const cookieOf = (session: unknown): object => new Proxy(nothing, { set: () => refuse(session, unkept('cookie')) })
  const stubs = new Map<PropertyKey, unknown>()
  for (const name of MISSING_METHODS) {
    const message = `session.${name}: there is no such method; ${REMEDIES.get(name)}`
    const stub = function (this: unknown): never {
      return refuse(this, message)
    }
    Object.freeze(stub.prototype)
    stubs.set(name, Object.freeze(stub))
  }
  return new Proxy(nothing, {
    set,
    get: (target, name, session): unknown =>
      name === 'cookie' ? cookieOf(session) : (stubs.get(name) ?? Reflect.get(target, name, session)),
  })
}

function unkept(name: PropertyKey): string {
  // Names may come from a client, as with Object.assign(session, request.body).
  const shown = typeof name === 'string' && /^\w{1,40}$/.test(name) ? name : '(property)'
  return `session.${shown}: cannot be written, for nobody keeps it; ${REMEDIES.get(shown) ?? `write session.data.${shown}`}`
}

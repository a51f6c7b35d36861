// A process that signs users in, rotates and ends their sessions, many at a time, until it is killed.
import { createSessions, isSessionError } from 'sojourn'
import { readSettings } from '../../../examples/reading-room/settings.ts'
import { openStore } from '../../../examples/reading-room/stores/store.ts'
import { factsOf } from '../../facts.ts'

/** How many sessions a user may have. */
const CAP = 5

const users = (process.env['USERS'] ?? '').split(',')
const { store } = await openStore(readSettings(process.env))
const sessions = createSessions({ store, perSubject: { max: CAP, onLimit: 'evict-oldest' } })
let done = 0

const pick = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)]!

/** One request after the other. */
async function visitor(): Promise<never> {
  let cookie: string | undefined
  for (;;) {
    const session = await sessions.open(factsOf(cookie === undefined ? {} : { headers: { cookie } }))
    const user = pick(users)
    const verbs = [
      async () => void Object.assign(session.data, { seen: done }),
      () => session.login(user, { keep: 'all' }),
      () => session.login(user),
      () => session.rotate(),
      () => session.rotate({ grace: '0s' }),
      () => session.logout(),
      () => session.logout({ keep: 'all' }),
      () => sessions.forSubject(user).endAll({ except: session }),
    ]
    try {
      await pick(verbs)()
      const outcome = await session.commit()
      cookie = outcome?.cookies[0]?.split(';', 1)[0] ?? cookie
    } catch (error) {
      // That another visitor was quicker is no matter here.
      if (!isSessionError(error)) throw error
      cookie = undefined
    }
    if (++done === 200) process.send?.('under way')
  }
}

await Promise.all(Array.from({ length: 16 }, visitor))

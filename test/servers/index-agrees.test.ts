import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readSettings } from '../../examples/reading-room/settings.ts'
import { openStore } from '../../examples/reading-room/stores/store.ts'
import type { FullStore } from '../support/stores.ts'
import { recordsIn } from '../support/stores.ts'
import { sessionServers } from './support/session-stores.ts'
import { ownName } from './support/shared.ts'

const CAP = 5
const ROUNDS = 6

describe.each(sessionServers)('the index of users on $name', ({ addressFor }) => {
  it('RACE-14: agrees with the records wherever a process was killed', async (context) => {
    const environment = { SESSION_STORE: await addressFor(context) }
    const users = Array.from({ length: 6 }, () => ownName())
    const { store, disconnect } = await openStore(readSettings(environment))
    onTestFinished(async () => void (await disconnect()))
    let seen = 0
    for (let round = 0; round < ROUNDS; round++) {
      const children = [0, 1].map(() => storm({ ...environment, USERS: users.join(',') }))
      await Promise.all(children.map(underWay))
      // Wherever they are by then.
      await setTimeout(Math.random() * 30)
      await Promise.all(children.map(killed))
      seen += await compare(store as FullStore, users)
    }
    expect(seen, 'sessions that were compared').toBeGreaterThan(ROUNDS)
  })
})

/** How many sessions the users have, by the lists and by the records. */
async function compare(store: FullStore, users: readonly string[]): Promise<number> {
  // The server ends what a client that is gone had begun, or does it, within moments.
  let before = ''
  let records = await recordsIn(store)
  while (before !== JSON.stringify(records)) {
    before = JSON.stringify(records)
    await setTimeout(50)
    records = await recordsIn(store)
  }
  let sum = 0
  for (const user of users) {
    const subject = `id:${user}`
    const stored = records.flatMap(([, record]) => (record.subject === subject ? [record.handle] : []))
    const listed = (await store.listBySubject(subject)).map(({ handle }) => handle)
    expect(listed.toSorted()).toEqual(stored.toSorted())
    expect(await store.countBySubject(subject)).toBe(stored.length)
    expect(stored.length).toBeLessThanOrEqual(CAP)
    sum += stored.length
  }
  return sum
}

function storm(environment: Readonly<Record<string, string>>): ChildProcess {
  const child = fork(new URL('support/storm.ts', import.meta.url), {
    execArgv: [],
    env: { PATH: process.env['PATH'], ...environment },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** Resolves when it has done a good deal. */
async function underWay(child: ChildProcess): Promise<void> {
  const ended = once(child, 'close').then(([code]: unknown[]): never => {
    throw new Error(`a process ended with ${String(code)} by itself`)
  })
  await Promise.race([once(child, 'message'), ended])
  ended.catch(() => undefined)
}

async function killed(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  await closed
}

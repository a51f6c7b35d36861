/**
 * What the default cap per user costs a login: the same logins with it and with `perSubject: 'unlimited'`, in short turns
 * one after the other, so that a busy machine troubles both alike.
 * `node --import ./bench/from-source.mjs bench/cap.ts [postgres://…] [turns]`
 */
import pg from 'pg'
import type { RequestFacts, Sessions, SessionsOptions } from '../src/index.ts'
import { createSessions } from '../src/index.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { postgresStore } from '../src/stores/postgres.ts'

const url = process.argv.slice(2).find((argument) => argument.includes('://'))
const turns = Number(process.argv.at(-1)) || 40
const CLIENTS = 64
const LOGINS = 2000
// Of each turn, so that they have three sessions each.
const USERS = 700

const visitor: RequestFacts = { method: 'POST', url: '/', secure: true, header: () => undefined }

async function loginsOn(sessions: Sessions, turn: number): Promise<number> {
  const cpu = process.cpuUsage()
  const start = performance.now()
  let left = LOGINS
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (left-- > 0) {
        const first = await sessions.open(visitor)
        first.set('cart', [1, 2, 3])
        const cookie = (await first.commit())?.cookies[0]?.split(';', 1)[0] ?? ''
        const header = (name: string): string | undefined => (name === 'cookie' ? cookie : undefined)
        const session = await sessions.open({ ...visitor, header })
        await session.login(`user-${turn}-${Math.floor(Math.random() * USERS)}`, { keep: 'all' })
        await session.commit()
      }
    }),
  )
  const { user, system } = process.cpuUsage(cpu)
  cpuTotal += (user + system) / LOGINS
  return ((performance.now() - start) * 1000) / LOGINS
}

let cpuTotal = 0

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}

/** Every turn has both, and the order changes, so that neither is always the one after the other. */
async function compare(name: string, store: SessionsOptions<Record<string, unknown>>['store']): Promise<void> {
  const timeouts = { idle: '5m' } as const
  const kinds = [
    createSessions({ store, timeouts, namespace: 'a' }),
    createSessions({ store, timeouts, namespace: 'b', perSubject: 'unlimited' }),
  ] as const
  const times: number[][] = [[], []]
  const cpus: number[][] = [[], []]
  const ratios: number[] = []
  for (let turn = -4; turn < turns; turn++) {
    const taken = [0, 0]
    for (const kind of turn % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      cpuTotal = 0
      taken[kind] = await loginsOn(kinds[kind], turn)
      if (turn >= 0) {
        times[kind]?.push(taken[kind] ?? NaN)
        cpus[kind]?.push(cpuTotal)
      }
    }
    if (turn >= 0) ratios.push((taken[0] ?? NaN) / (taken[1] ?? NaN))
  }
  const [capped, unlimited] = times.map((list) => median(list).toFixed(1))
  const [cappedCpu, unlimitedCpu] = cpus.map((list) => median(list).toFixed(1))
  const more = ((median(ratios) - 1) * 100).toFixed(1)
  console.log(
    `${name}: ${capped} us with the cap, ${unlimited} us without; ${more} % more (CPU here ${cappedCpu}, ${unlimitedCpu} us)`,
  )
}

await compare('memory', memoryStore({ maxEntries: 2_000_000, allowInProduction: true }))
if (url !== undefined) {
  const pool = new pg.Pool({ connectionString: url, max: 8 })
  const store = postgresStore({ client: pool })
  await store.setup()
  await compare('postgres', store)
  await store.close()
  await pool.end()
}

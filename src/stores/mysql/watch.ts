import { later } from '#platform'
import type { StoreKey } from '../../core/key.ts'
import type { StoreNotice } from '../../core/store.ts'
import type { Listen } from '../shared/watching.ts'
import type { Ask } from './client.ts'
import { unavailable } from './errors.ts'
import { createPlace, type Place } from './place.ts'
import type { Names } from './tables.ts'
import { KEPT_SECONDS } from './tables.ts'
import { keyIn, numberIn, textIn } from './values.ts'

// Between an ending's statement and its commit there is at most a slow disk.
const PATIENCE_MS = 60_000
// How far back a new watcher looks for endings that are not committed yet.
const BACK = 1000
const PAGE = 1000
// A process that slept for so long may find that endings have been removed.
const LONGEST_SLEEP_MS = (KEPT_SECONDS * 1000) / 2

/**
 * Looks for endings again and again: MySQL has nothing that tells of them by itself.
 * @param interval milliseconds between two looks.
 */
export function listening(ask: Ask, names: Names, interval: number): Listen {
  return async (hearing) => {
    const where = await placeNow(ask, names).catch((error: unknown) => {
      throw unavailable(error)
    })
    let isOver = false
    let lookedAt = performance.now()
    const look = async (): Promise<void> => {
      const notices = await newNotices(ask, names, where)
      if (isOver) return
      if (performance.now() - lookedAt > LONGEST_SLEEP_MS) throw new Error('mysql: endings may have been removed')
      lookedAt = performance.now()
      for (const notice of notices) hearing.onNotice(notice)
      lookLater()
    }
    const lookLater = (): void => {
      cancel = later(interval, () => void look().catch(lost))
    }
    const lost = (): void => {
      if (!isOver) hearing.onLost()
      isOver = true
    }
    let cancel = (): void => undefined
    lookLater()
    return async () => {
      isOver = true
      cancel()
    }
  }
}

/** What is committed now has been read; what is not yet will be found. */
async function placeNow(ask: Ask, names: Names): Promise<Readonly<{ place: Place; server: number }>> {
  const [row] = await ask(`SELECT COALESCE(MAX(id), 0), @@server_id FROM ${names.endings}`)
  const place = createPlace(Math.max(0, numberIn(row?.[0]) - BACK), PATIENCE_MS)
  const server = numberIn(row?.[1])
  await newNotices(ask, names, { place, server })
  return { place, server }
}

type Where = Awaited<ReturnType<typeof placeNow>>

async function newNotices(ask: Ask, names: Names, { place, server }: Where): Promise<readonly StoreNotice[]> {
  const keys = new Map<number, StoreKey | undefined>()
  for (let after = place.after, size = PAGE; size === PAGE;) {
    const rows = await ask(
      `(SELECT id, store_key, 1 AS is_ending FROM ${names.endings} WHERE id > ${after} ORDER BY id LIMIT ${PAGE})
      UNION ALL SELECT COALESCE(MAX(id), ${after}), @@server_id, 0 FROM ${names.endings}`,
    )
    const endings = rows.filter((row) => numberIn(row[2]) === 1)
    const [last, answering] = rows.find((row) => numberIn(row[2]) === 0) ?? []
    // After a failover or a restored backup the numbers may begin elsewhere.
    if (numberIn(answering) !== server || numberIn(last) < after) throw new Error('mysql: these are other endings')
    for (const row of endings) keys.set(numberIn(row[0]), textIn(row[1]) === '' ? undefined : keyIn(row[1]))
    after = Math.max(after, ...keys.keys())
    size = endings.length
  }
  return place.fresh([...keys.keys()], performance.now()).map((id) => noticeOf(keys.get(id)))
}

function noticeOf(key: StoreKey | undefined): StoreNotice {
  return key === undefined ? { kind: 'cleared' } : { kind: 'ended', key }
}

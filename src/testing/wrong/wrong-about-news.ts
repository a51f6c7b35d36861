import type { StoreNotice } from '../../core/store.ts'
import type { FullStore } from './reference.ts'
import type { Ground, WrongStore } from './wrong-store.ts'
import { wrongStore } from './wrong-store.ts'

const DELETED = 'watch tells of a deleted session, with a mark or without, by its key'
const ROTATED = 'watch tells of a rotated session by its old key, and not by the new one'
const ENDED =
  'watch tells of a session that was ended by its name, and of all that were ended with their user but the one that stays'
const EVICTED = 'watch tells of the sessions that a cap ended, at an insertion and at a rotation'
const CLEARED = 'watch tells that every session was ended'
const SILENT = 'watch tells of no insertion, save, touch, reading or miss'
const STOPPED = 'watch tells nothing to whoever has stopped, and goes on for the others'
const DURABLE =
  'durability says in numbers and words what can be lost, and never that a logout is safer than it is kept'

/** Stores that are wrong about what they tell of endings, and of what they keep. */
export const wrongAboutNews: readonly WrongStore[] = [
  wrongStore(
    'watchers hear of endings, but not that all were ended',
    ({ good }) => heard(good, ({ kind }) => kind !== 'cleared'),
    [CLEARED],
  ),
  wrongStore('what a delete ends is not told', quietly('delete'), [DELETED, SILENT, STOPPED]),
  wrongStore('what a rotation ends is not told', quietly('rotate'), [ROTATED, EVICTED]),
  wrongStore('what ends with its user is not told', quietly('deleteBySubject'), [ENDED]),
  wrongStore('what an insertion evicts is not told', quietly('insert'), [EVICTED]),
  wrongStore(
    'touches are told as endings',
    ({ good }) => {
      const listeners = new Set<(notice: StoreNotice) => void>()
      return {
        watch: async (listener) => {
          listeners.add(listener)
          const stop = await good.watch(listener)
          return async () => {
            listeners.delete(listener)
            await stop()
          }
        },
        touch: async (key, ...times) => {
          for (const listener of listeners) listener({ kind: 'ended', key })
          return await good.touch(key, ...times)
        },
      }
    },
    [SILENT],
  ),
  wrongStore(
    'a watcher that stops goes on hearing',
    ({ good }) => ({
      watch: async (listener) => {
        await good.watch(listener)
        return async () => undefined
      },
    }),
    [STOPPED],
  ),
  wrongStore(
    'touches are said to be kept better than logouts',
    ({ good: { durability } }) => ({
      durability: { ...durability, touches: { processCrash: 0, machineCrash: 0, failover: 0 } },
    }),
    [DURABLE],
  ),
]

/** The store, whose watchers hear only of some notices. */
function heard(good: FullStore, isHeard: (notice: StoreNotice) => boolean): Pick<FullStore, 'watch'> {
  return {
    watch: (listener) =>
      good.watch((notice) => {
        if (isHeard(notice)) listener(notice)
      }),
  }
}

/** While the method runs nobody hears anything. */
function quietly(method: 'delete' | 'rotate' | 'insert' | 'deleteBySubject'): (ground: Ground) => Partial<FullStore> {
  return ({ good }) => {
    let isQuiet = false
    const muted =
      <Args extends readonly unknown[], Answer>(call: (...args: Args) => Promise<Answer>) =>
      async (...args: Args): Promise<Answer> => {
        isQuiet = true
        const answer = call(...args)
        isQuiet = false
        return await answer
      }
    const calls: Partial<FullStore> = {
      delete: muted((...args: Parameters<FullStore['delete']>) => good.delete(...args)),
      rotate: muted((...args: Parameters<FullStore['rotate']>) => good.rotate(...args)),
      insert: muted((...args: Parameters<FullStore['insert']>) => good.insert(...args)),
      deleteBySubject: muted((...args: Parameters<FullStore['deleteBySubject']>) => good.deleteBySubject(...args)),
    }
    return { ...heard(good, () => !isQuiet), [method]: calls[method] }
  }
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileStore } from 'sojourn/stores/file'
import { sqliteStore } from 'sojourn/stores/sqlite'
import { equal, runCase } from './conformance.mjs'

export const fileSubject = subjectOnDisk('file store', (folder, now) => fileStore({ directory: folder, now }))

export const sqliteSubject = subjectOnDisk('sqlite store', (folder, now) =>
  sqliteStore({ path: join(folder, 'sessions.db'), now }),
)

/**
 * For a runtime that has no SQLite of its own.
 * @param {(result: import('./conformance.mjs').Result) => void} report
 */
export async function sqliteIsMissing(report) {
  await runCase('sqlite store: without SQLite the error says what to do', async () => equal(complaint(), true), report)
}

function complaint() {
  try {
    sqliteStore({ path: ':memory:' })
    return false
  } catch (error) {
    return error instanceof Error && /no SQLite of its own; use /.test(error.message)
  }
}

/**
 * @template {import('sojourn').Store & import('sojourn').ClosableStore} S
 * @param {string} name
 * @param {(folder: string, now: () => number) => S} open
 * @returns {import('./conformance.mjs').Subject}
 */
function subjectOnDisk(name, open) {
  return {
    name,
    open: async (now, advance) => {
      const folder = mkdtempSync(join(tmpdir(), 'sojourn-store-'))
      const store = open(folder, now)
      let latest = store
      const reopen = async () => {
        await latest.close()
        latest = open(folder, now)
        return latest
      }
      const end = async () => {
        await latest.close()
        rmSync(folder, { recursive: true, force: true })
      }
      return { store, now, advance, reopen, end }
    },
  }
}

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileStore } from 'sojourn/stores/file'
import { sqliteStore } from 'sojourn/stores/sqlite'
import { jsonCodec } from '../../src/core/data/codec.ts'
import { decodeMeta } from '../../src/core/record.ts'
import type { SessionRecord } from '../../src/core/store.ts'
import { decodeEntry, hashOf } from '../../src/stores/file/entry.ts'
import type { Setting } from './application.ts'
import { sessionsAt } from './application.ts'

/** Looks for what is half-written, while the application runs: everything that was written after the instant. */
export function damageIn(setting: Setting, since: number): readonly string[] {
  return setting.store === 'file' ? damagedFiles(sessionsAt(setting), since) : damagedDatabase(sessionsAt(setting))
}

function damagedDatabase(path: string): readonly string[] {
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    const verdicts = database.prepare('PRAGMA integrity_check').all().flatMap(Object.values).map(String)
    return verdicts.filter((verdict) => verdict !== 'ok')
  } catch (error) {
    return [String(error)]
  } finally {
    database.close()
  }
}

/** The store passes over a damaged file as if it were not there, so the files are read here as well. */
function damagedFiles(directory: string, since: number): readonly string[] {
  return recordFiles(directory).flatMap((path) => {
    try {
      if (statSync(path).ctimeMs < since) return []
      const { key, value } = decodeEntry(readFileSync(path, 'utf8'))
      const isNamedByKey = path.endsWith(`${hashOf(key)}.json`)
      return [
        ...(isNamedByKey ? [] : [`${path}: holds another key`]),
        ...(value.state === 'live' ? faultsOf(value) : []),
      ]
    } catch (error) {
      // Removed meanwhile by the application, which is running.
      return error instanceof Error && 'code' in error && error.code === 'ENOENT' ? [] : [`${path}: ${String(error)}`]
    }
  })
}

function recordFiles(directory: string): readonly string[] {
  const records = join(directory, 'data', 'records')
  if (!existsSync(records)) return []
  return readdirSync(records, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .map((name) => join(records, name))
}

function faultsOf(record: SessionRecord): readonly string[] {
  try {
    decodeMeta(record.meta)
    jsonCodec({ depth: 32, keys: 1000 }).decode(record.data)
    return []
  } catch (error) {
    return [`the record of session ${record.handle}: ${String(error)}`]
  }
}

/** Reads every record through the store itself, while the application does not run. */
export async function scanAll(
  setting: Setting,
): Promise<{ readonly live: number; readonly damage: readonly string[] }> {
  const path = sessionsAt(setting)
  const store = setting.store === 'file' ? fileStore({ directory: path }) : sqliteStore({ path })
  const handles = new Set<string>()
  const damage: string[] = []
  let live = 0
  try {
    for await (const page of store.scan()) {
      for (const [, record] of page) {
        live++
        handles.add(record.handle)
        damage.push(...faultsOf(record))
      }
    }
  } finally {
    await store.close()
  }
  if (handles.size < live) damage.push(`${live - handles.size} sessions live twice`)
  return { live, damage }
}

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Durability, LossWindow } from '../src/core/store.ts'
import { durabilityOf as ofMysql } from '../src/stores/mysql/durability.ts'
import { durabilityOf as ofPostgres } from '../src/stores/postgres/durability.ts'
import { durabilityOf as ofRedis } from '../src/stores/redis/durability.ts'

type Accident = keyof LossWindow

/** What a document says of a number that `store.durability` gives. */
const WORDS: ReadonlyMap<number, RegExp> = new Map([
  [0, /^(nothing|kept)/],
  [600, /600 ms/],
  [1000, /last second/],
  [2000, /2 seconds/],
  [35_000, /half a minute/],
  [Infinity, /everything since|as your replication|replica had not received/],
])

/** The cells of the row whose first cell has this, in the first table of the document that has one. */
function row(document: string, first: string): readonly string[] {
  const lines = readFileSync(new URL(`../docs/${document}`, import.meta.url), 'utf8').split('\n')
  const cells = lines.filter((line) => line.startsWith('|')).map((line) => line.split('|').map((cell) => cell.trim()))
  const found = cells.find(([, head]) => head?.startsWith(first) === true)
  if (found === undefined) throw new Error(`${document}: no table has a row ${first}`)
  return found.slice(1)
}

function says(cell: string | undefined, milliseconds: number): void {
  const words = WORDS.get(milliseconds)
  if (words === undefined) throw new Error(`no document has words for ${milliseconds} ms`)
  expect(cell).toMatch(words)
}

function saysAll(document: string, first: string, window: LossWindow, columns: readonly Accident[]): void {
  for (const [n, accident] of columns.entries()) says(row(document, first)[n + 1], window[accident])
}

describe('the documents say in words what store.durability says in numbers', () => {
  const postgres: Durability = ofPostgres({ kind: 'pg', isInMemory: false }, 'asynchronous')
  const accidents = ['processCrash', 'machineCrash', 'failover'] as const

  it('STORE-8: of PostgreSQL', () => {
    saysAll('postgres.md', 'logins, rotations', postgres.decisive, ['processCrash', 'machineCrash'])
    expect(row('postgres.md', 'logins, rotations')[3]).toBe('kept if replication is synchronous')
    expect(postgres.decisive.failover).toBe(Infinity)
    expect(ofPostgres({ kind: 'pg', isInMemory: false }, 'synchronous').decisive.failover).toBe(0)
    saysAll('postgres.md', 'other saves, with it off', postgres.saves, accidents)
    saysAll('postgres.md', 'touches', postgres.touches, accidents)
  })

  it('STORE-8: of MySQL', () => {
    const settings = { seconds: 1, hasLooseBinlog: false }
    for (const [first, flush] of [
      ['1, the default', 1],
      ['2', 2],
      ['0', 0],
    ] as const) {
      const { decisive, saves, touches } = ofMysql({ ...settings, flush }, 'asked')
      for (const window of [decisive, saves, touches]) saysAll('mysql.md', first, window, accidents.slice(0, 2))
      expect(decisive.failover).toBe(Infinity)
    }
    const loose = ofMysql({ ...settings, flush: 1, hasLooseBinlog: true }, 'asked')
    says(row('mysql.md', 'a binary log')[2], loose.decisive.machineCrash)
  })

  it('STORE-8: of Redis', () => {
    for (const persistence of ['always', 'everysec', 'none'] as const) {
      const { decisive, saves, touches } = ofRedis(persistence, undefined)
      for (const { processCrash, machineCrash } of [decisive, saves, touches]) {
        expect(machineCrash).toBe(processCrash)
        says(row('redis.md', `\`${persistence}\``)[1], processCrash)
      }
    }
    says(row('redis.md', '`always`')[2], ofRedis('always', undefined).decisive.failover)
    expect(ofRedis('always', { count: 1, timeout: 1000 }).decisive.failover).toBe(0)
  })
})

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { mutants } from './mutants.ts'

const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')

it('every mutant changes one place of the source as it is today', () => {
  for (const { row, file, from, to } of mutants) {
    expect(read(file).split(from).length - 1, `${row}: ${from} in ${file}`).toBe(1)
    expect(to).not.toBe(from)
  }
})

it('every mutant breaks a row that there is, and more than forty can be drawn from', () => {
  const families = JSON.parse(read('test/rows.json')) as { rows: Record<string, string>; absent?: object }[]
  const rows = new Set(families.flatMap((family) => Object.keys(family.rows)))
  for (const { row } of mutants) expect(rows).toContain(row)
  expect(mutants.length).toBeGreaterThan(40)
})

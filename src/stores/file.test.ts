import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { lackingFor, storeCases } from '../testing/index.ts'
import { fileStore } from './file.ts'
import type { FileStore } from './file.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'sojourn-file-'))
  cleanups.push(() => rm(directory, { recursive: true, force: true }))
  return directory
}

describe('the store contract', () => {
  it.each(storeCases)('$name', async (storeCase) => {
    const directory = await newDirectory()
    let time = 1_700_000_000_000
    const now = (): number => time
    const open = (): FileStore => {
      const store = fileStore({ directory, now })
      cleanups.push(() => store.close())
      return store
    }
    const store = open()
    const advance = async (milliseconds: number): Promise<void> => {
      time += milliseconds
    }
    const reopen = async (): Promise<FileStore> => {
      await store.close()
      return open()
    }
    const harness = { store, now, advance, reopen }
    expect(lackingFor(storeCase, harness)).toEqual([])
    await storeCase.run(harness)
  })
})

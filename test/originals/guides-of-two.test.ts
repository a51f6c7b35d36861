import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { follow } from '../support/follow.ts'
import type { Program } from '../support/program.ts'
import { emptyFolder, filesOf, start, transcriptOf } from '../support/program.ts'

/** Runs one of a guide's programs, and types the steps that the guide shows for it. */
async function show(guide: string, main: string, from: number, to: number): Promise<Program & { folder: string }> {
  const folder = await emptyFolder()
  const program = await start(folder, await filesOf(guide), main)
  await follow((await transcriptOf(guide)).slice(from, to), program)
  return { ...program, folder }
}

describe('the guide to Karrigell’s sessions', { timeout: 60_000 }, () => {
  const guide = 'docs/originals/karrigell.md'

  it('K11 K10: shows the worked example, which fails where the original fails, and says why', async () => {
    const { complaints } = await show(guide, 'server.ts', 0, 3)
    expect(complaints()).toContain('Session(): there is no "firstname"; ask with in')
  })

  it('K13 K14: shows a lasting session, and what it refuses', async () => {
    const { complaints, folder } = await show(guide, 'lasting.ts', 3, 5)
    expect(complaints()).toBe('')
    expect(existsSync(join(folder, 'sessions.db'))).toBe(true)
  })
})

describe('the guide to web.py’s sessions', { timeout: 60_000 }, () => {
  const guide = 'docs/originals/webpy.md'

  it('Y7 Y14 Y15: shows the counter', async () => {
    const { complaints, folder } = await show(guide, 'count.ts', 0, 4)
    expect(complaints()).toBe('')
    expect(existsSync(join(folder, 'sessions'))).toBe(true)
  })

  it('Y16 Y24 Y40: shows the sign-in with privileges, kept in a table', async () => {
    const { complaints } = await show(guide, 'login.ts', 4, 10)
    expect(complaints()).toBe('')
  })

  it('Y18 Y22: shows a store of one’s own', async () => {
    const { complaints } = await show(guide, 'own-store.ts', 10, 12)
    expect(complaints()).toBe('')
    expect(await transcriptOf(guide)).toHaveLength(12)
  })
})

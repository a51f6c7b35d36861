import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Rig } from './rig.ts'

/** Several processes on one file: no server to kill, so only the processes are. */
export async function sqliteRig(): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-faults-'))
  return {
    store: 'sqlite',
    versions: [`SQLite ${process.versions.sqlite}`],
    settingFor: () => ({ kind: 'sqlite', path: join(folder, 'sessions.db') }),
    hasPool: false,
    signsInByHops: false,
    proxies: [],
    blows: [],
    limitations: ['there is no server and no connection: only the processes of the application are killed'],
    stop: async () => rmSync(folder, { recursive: true, force: true }),
  }
}

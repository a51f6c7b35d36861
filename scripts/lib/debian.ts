import { rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { run, type Outcome } from './run.ts'

const policyPath = '/usr/sbin/policy-rc.d'
const LOCK_WAIT_MS = 10 * 60_000

/** Installs Debian packages; says so on standard error when that fails. Starts no service that comes with them. */
export async function installDebianPackages(names: readonly string[]): Promise<void> {
  console.error(`parts: installing ${names.join(', ')}`)
  await withoutServices(async () => {
    const install = ['install', '-y', '--no-install-recommends', ...names]
    // A machine whose package lists are fresh needs no others; on a new or an old one this fails at once.
    if ((await apt(install)).code === 0) return
    for (const args of [['update'], install]) {
      const { code, output } = await apt(args)
      if (code !== 0) console.error(`parts: apt-get ${args.join(' ')} failed\n${output}`)
    }
  })
}

/** Waits while somebody else, such as the system's own nightly update, has apt for himself. */
async function apt(args: readonly string[]): Promise<Outcome> {
  const deadline = Date.now() + LOCK_WAIT_MS
  const settings = ['LC_ALL=C', 'DEBIAN_FRONTEND=noninteractive']
  for (;;) {
    const outcome = await run('env', [...settings, 'apt-get', '-qq', '-o', 'Acquire::Retries=3', ...args], {
      quiet: true,
    })
    const isLocked = outcome.code !== 0 && /Could not get lock|Unable to (?:acquire|lock)/.test(outcome.output)
    if (!isLocked || Date.now() > deadline) return outcome
    await sleep(1_000)
  }
}

/** Debian asks this file before it starts a service at installation. A machine that has one keeps its own. */
async function withoutServices(fn: () => Promise<void>): Promise<void> {
  if (!wroteFile(policyPath, '#!/bin/sh\nexit 101\n')) return fn()
  try {
    await fn()
  } finally {
    rmSync(policyPath, { force: true })
  }
}

function wroteFile(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx', mode: 0o755 })
    return true
  } catch {
    return false
  }
}

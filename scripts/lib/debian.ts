import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'

const policyPath = '/usr/sbin/policy-rc.d'
let indexIsFresh = false

/** Installs a Debian package; says so on standard error when that fails. Starts no service that comes with it. */
export function installDebianPackage(name: string): void {
  withoutServices(() => {
    if (!indexIsFresh) apt(['update', '-qq'])
    indexIsFresh = true
    console.error(`parts: installing ${name}`)
    apt(['install', '-y', '-qq', '--no-install-recommends', name])
  })
}

function apt(args: string[]): void {
  const { status, stderr } = spawnSync('apt-get', args, {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  })
  if (status !== 0) console.error(`parts: apt-get ${args.join(' ')} failed\n${stderr}`)
}

/** Debian asks this file before it starts a service at installation. A machine that has one keeps its own. */
function withoutServices(fn: () => void): void {
  if (!wroteFile(policyPath, '#!/bin/sh\nexit 101\n')) return fn()
  try {
    fn()
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

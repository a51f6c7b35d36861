import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { ownEnvironment } from '../scripts/lib/bare/environment.ts'
import { inventoryOf, isBare, wordsOf } from '../scripts/lib/bare/inventory.ts'
import { installDebianPackages } from '../scripts/lib/debian.ts'
import { find, partNames, programsOf } from '../scripts/parts.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sojourn-parts-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
})

describe('a part', () => {
  const everywhere = (program: string): string => `/anywhere/${program}`

  it.each(partNames.filter((name) => name !== 'chromium'))(
    '%s is there only as a whole: with one of its programs absent it is to be installed',
    (name) => {
      const files = programsOf(name, everywhere).map(({ file }) => file)
      expect(find(name, everywhere)).toMatchObject({ path: `/anywhere/${files[0]}` })
      for (const absent of files) {
        const part = find(name, (program) => (program === absent ? undefined : everywhere(program)))
        expect(part).toEqual({ missing: expect.stringContaining(absent) as unknown })
      }
    },
  )

  it('MariaDB needs what its installer calls, which comes in another package', () => {
    const files = programsOf('mariadb').map(({ file }) => file)
    expect(files).toEqual(['mariadbd', 'mariadb-install-db', 'my_print_defaults', 'resolveip'])
  })

  it('Chromium is there under any of its names', () => {
    const part = find('chromium', (program) => (program === 'google-chrome' ? everywhere(program) : undefined))
    expect(part).toMatchObject({ path: '/anywhere/google-chrome' })
  })
})

describe('apt', () => {
  /** What it is asked for, one line each. A failure is printed once and then removed. */
  const asked = (failure = ''): (() => string[]) => {
    const log = join(folder, 'asked')
    writeFileSync(join(folder, 'failure'), failure)
    const script = `#!/bin/sh
      for word; do case $word in install|update) echo "$word $DEBIAN_FRONTEND" >> ${log};; esac; done
      test -s ${folder}/failure || exit 0
      cat ${folder}/failure >&2; : > ${folder}/failure; exit 100`
    writeFileSync(join(folder, 'apt-get'), script, { mode: 0o755 })
    vi.stubEnv('PATH', folder + delimiter + process.env['PATH'])
    vi.spyOn(console, 'error').mockReturnValue()
    onTestFinished(() => {
      vi.unstubAllEnvs()
      vi.restoreAllMocks()
    })
    return () => readFileSync(log, 'utf8').trimEnd().split('\n')
  }

  it('is asked nobody anything, and for its package lists only when it does not know the package', async () => {
    const fresh = asked()
    await installDebianPackages(['anything'])
    expect(fresh()).toEqual(['install noninteractive'])
    rmSync(join(folder, 'asked'))
    const bare = asked('E: Unable to locate package anything\n')
    await installDebianPackages(['anything'])
    expect(bare()).toEqual(['install noninteractive', 'update noninteractive', 'install noninteractive'])
  })

  it.each([
    'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1 (unattended-upgr)\n',
    'E: Unable to lock directory /var/lib/apt/lists/\n',
    'E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?\n',
  ])('is waited for while others have it: %s', async (refusal) => {
    const calls = asked(refusal)
    await installDebianPackages(['anything'])
    expect(calls()).toEqual(['install noninteractive', 'install noninteractive'])
  })
})

describe('a bare machine', () => {
  const machine = (...programs: readonly string[]): string => {
    mkdirSync(join(folder, 'usr/bin'), { recursive: true })
    mkdirSync(join(folder, 'var/lib/dpkg'), { recursive: true })
    const statuses = ['install ok installed', 'deinstall ok config-files', 'install ok installed']
    writeFileSync(join(folder, 'var/lib/dpkg/status'), statuses.map((each) => `Status: ${each}\n`).join('\n'))
    // As many programs are on Debian; from outside of that system the link leads nowhere.
    for (const program of programs) symlinkSync(`/etc/alternatives/${program}`, join(folder, 'usr/bin', program))
    return folder
  }

  it('has nothing that the tests bring, and is told by what it has', () => {
    const inventory = inventoryOf(machine('openssl'))
    expect(inventory).toMatchObject({ debianPackages: 2, there: ['openssl'] })
    expect(inventory.absent).toContain('my_print_defaults')
    expect(isBare(inventory)).toBe(true)
    expect(wordsOf(inventory)).toMatch(/^2 Debian packages\..* there are openssl /)
  })

  it('is not one on which a single program was left', () => {
    expect(isBare(inventoryOf(machine('openssl', 'my_print_defaults')))).toBe(false)
  })

  it('is entered without what npm and the bootstrap added to the environment', () => {
    vi.stubEnv('PATH', ['/project/node_modules/.bin', '/usr/bin'].join(delimiter))
    vi.stubEnv('npm_lifecycle_event', 'test:bare')
    vi.stubEnv('CI', 'true')
    onTestFinished(() => void vi.unstubAllEnvs())
    const environment = ownEnvironment()
    expect(environment).toMatchObject({ PATH: '/usr/bin', CI: 'true' })
    expect(environment).not.toHaveProperty('npm_lifecycle_event')
  })
})

import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { run } from '../run.ts'
import { ownEnvironment } from './environment.ts'

const files = [
  '/etc/resolv.conf',
  '/etc/hosts',
  '/etc/apt/sources.list',
  '/etc/apt/sources.list.d',
  '/etc/apt/keyrings',
  '/etc/apt/auth.conf',
  '/etc/apt/auth.conf.d',
  '/usr/share/keyrings',
  '/etc/ssl/certs',
  '/usr/local/share/ca-certificates',
]
const proxies = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']
const certificates = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE']

/**
 * Lets the system in a folder reach package registries as this machine does, whatever they are. Resolves the environment
 * variables that belong to it.
 */
export async function connect(system: string): Promise<Record<string, string>> {
  const named = certificates.flatMap((name) => process.env[name] ?? [])
  for (const file of [...files, ...named]) copyInto(system, file, file)
  await writeAptSettings(system)
  copyInto(system, await npmSetting('userconfig'), '/root/.npmrc')
  // Where an npm whose Node is /usr/bin/node looks.
  copyInto(system, await npmSetting('globalconfig'), '/usr/etc/npmrc')
  const handedOn = [...proxies, ...certificates].flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return { ...Object.fromEntries(handedOn), npm_config_registry: await npmSetting('registry') }
}

function copyInto(system: string, from: string, to: string): void {
  const target = join(system, to)
  // Also when there is nothing to copy. What stays could be a link, and writing through it would leave the folder.
  rmSync(target, { recursive: true, force: true })
  if (!existsSync(from)) return
  mkdirSync(dirname(target), { recursive: true })
  cpSync(from, target, { recursive: true, dereference: true, filter: existsSync })
}

/** Only what concerns the connection: other settings name programs that a bare system lacks. */
async function writeAptSettings(system: string): Promise<void> {
  const { output } = await run('apt-config', ['dump'], { quiet: true })
  const settings = output.split('\n').filter((line) => /^Acquire::(?:https?|Check-[\w-]+)\b.*";$/i.test(line))
  writeFileSync(join(system, 'etc/apt/apt.conf.d/99connection'), settings.map((line) => `${line}\n`).join(''))
}

async function npmSetting(name: string): Promise<string> {
  // Elsewhere than in the project, whose own settings come with the clone.
  const { output } = await run('npm', ['config', 'get', name], { quiet: true, cwd: '/', env: ownEnvironment() })
  return output.trim()
}

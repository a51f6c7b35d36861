import { delimiter, sep } from 'node:path'

/** The environment as it was before npm and scripts/bootstrap.mjs added theirs: `node` is the machine's own again. */
export function ownEnvironment(): Record<string, string | undefined> {
  const entries = Object.entries(process.env).filter(([name]) => !/^npm_(?!config_registry$)/.test(name))
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const own = folders.filter((folder) => !folder.includes(`node_modules${sep}`))
  return { ...Object.fromEntries(entries), PATH: own.join(delimiter) }
}

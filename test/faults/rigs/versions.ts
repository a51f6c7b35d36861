import { readJson } from '../../../scripts/lib/project.ts'

/** The version of a client of the tests. */
export function versionOf(client: string): string {
  const { version } = readJson('node_modules', client, 'package.json') as { readonly version: string }
  return version
}

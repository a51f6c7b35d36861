import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder that holds package.json. */
export const root = fileURLToPath(new URL('../..', import.meta.url))

/** An absolute path of something in this project. */
export function inProject(...parts: string[]): string {
  return join(root, ...parts)
}

/** Reports which the stages leave for each other; gone with node_modules. */
export const cacheFolder = inProject('node_modules', '.cache', 'sojourn')

export function readJson(...parts: string[]): unknown {
  return JSON.parse(readFileSync(inProject(...parts), 'utf8'))
}

// Preload with `node --import ./bench/from-source.mjs`: the package's own names then lead to its source, not to dist.
import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import { sourceOf, subpaths } from '../scripts/lib/exports.ts'

const sources = new Map(subpaths.map(({ specifier, file }) => [specifier, sourceOf(file)]))
sources.set('#platform', sourceOf('platform/node'))

registerHooks({
  resolve(specifier, context, next) {
    const source = sources.get(specifier)
    return next(source === undefined ? specifier : pathToFileURL(source).href, context)
  },
})

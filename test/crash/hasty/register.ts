import { registerHooks } from 'node:module'

// Loaded before the application: whoever asks for one of these stores gets the hasty one of the same name.
const REPLACED = new Set(['sojourn/stores/sqlite', 'sojourn/stores/file'])
const hasty = new URL('stores.ts', import.meta.url).href

registerHooks({
  resolve: (specifier, context, next) =>
    REPLACED.has(specifier) && context.parentURL !== hasty
      ? { url: hasty, format: 'module-typescript', shortCircuit: true }
      : next(specifier, context),
})

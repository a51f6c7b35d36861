import { defineConfig } from 'vitest/config'
import { sourceOf, subpaths } from './scripts/lib/exports.ts'

// Longest name first: an alias for `sojourn` alone would also take `sojourn/node`.
const alias = [
  { find: '#platform', replacement: sourceOf('./dist/platform/node.js') },
  ...subpaths.map(({ specifier, target }) => ({ find: new RegExp(`^${specifier}$`), replacement: sourceOf(target) })),
]

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'dist/**'],
    globalSetup: ['test/global-setup.ts'],
    // Two cores: a real server and a browser in one file already use both.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
})

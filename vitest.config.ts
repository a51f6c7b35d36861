import { defineConfig } from 'vitest/config'
import { sourceOf, subpaths } from './scripts/lib/exports.ts'

// Longest name first: an alias for `sojourn` alone would also take `sojourn/node`.
const alias = [
  { find: '#platform', replacement: sourceOf('platform/node') },
  ...subpaths.map(({ specifier, file }) => ({ find: new RegExp(`^${specifier}$`), replacement: sourceOf(file) })),
]

const ignored = ['**/node_modules/**', 'dist/**']
const serverTests = 'test/servers/**/*.test.ts'

export default defineConfig({
  resolve: { alias },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'tests',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: [...ignored, serverTests],
          globalSetup: ['test/global-setup.ts'],
        },
      },
      {
        // Only a run that has some of these starts the servers.
        extends: true,
        test: {
          name: 'servers',
          include: [serverTests],
          exclude: ignored,
          globalSetup: ['test/servers/setup.ts'],
          // Servers take seconds to notice that one of them is gone.
          testTimeout: 60_000,
        },
      },
    ],
    // Two cores: a real server and a browser in one file already use both.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})

import type { KnipConfig } from 'knip'
import { sourceOf, subpaths } from './scripts/lib/exports.ts'
import { root } from './scripts/lib/project.ts'

const published = subpaths.map(({ file }) => sourceOf(file).slice(root.length))

export default {
  entry: [
    ...published.map((file) => `${file}!`),
    // Behind `#platform`; and what a tool loads by its path.
    'src/platform/{node,portable}.ts!',
    'scripts/*.{ts,mjs}',
    'scripts/lib/unit-reporter.ts',
    'test/runtimes/{process,worker}.mjs',
    'examples/*/server.ts',
  ],
  project: ['src/**/*.ts!', 'scripts/**/*.{ts,mjs}', 'test/**/*.{ts,mjs}', 'examples/**/*.ts'],
  // Checked against the packed package by a gate.
  ignore: ['test/consumers/**'],
  ignoreExportsUsedInFile: true,
  // Called as programs by scripts/lib/run.ts, where knip does not look.
  ignoreDependencies: ['@arethetypeswrong/cli', 'oxlint', 'oxlint-tsgolint', 'publint', 'typedoc'],
  ignoreBinaries: ['fallocate', 'mount', 'openssl', 'umount', 'unshare'],
} satisfies KnipConfig

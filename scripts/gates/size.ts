import { brotliCompressSync } from 'node:zlib'
import { build } from 'esbuild'
import { type Gate, verdict } from '../lib/gate.ts'
import { root } from '../lib/project.ts'

// 29 KiB; docs/decisions/0039 says for what.
const LIMIT_BYTES = 29_696

const FRONTS = ['node', 'express', 'fastify', 'koa', 'hono', 'h3', 'fetch']

// What a small application needs, and nothing that it did not ask for.
const entry = (front: string): string => `
  import { createSessions } from 'sojourn'
  import { ${front}Sessions } from 'sojourn/${front}'
  import { memoryStore } from 'sojourn/stores/memory'
  console.log(createSessions, ${front}Sessions, memoryStore)
`
const UNWANTED = [
  /^dist\/esm\/csrf\.js$/,
  /^dist\/esm\/carriers\/(header|url|form)\.js$/,
  /^dist\/esm\/stores\/(file|sqlite|postgres|redis)\.js$/,
]

/** An application bundles only what it imports, and on Node no other package comes with it. */
export const sizeGate: Gate = {
  name: 'size of a bundled application',
  async run() {
    return verdict((await Promise.all(FRONTS.map(faultsOf))).flat())
  },
}

async function faultsOf(front: string): Promise<readonly string[]> {
  const { bytes, inputs } = await bundle(front)
  const files = [...inputs.keys()]
  console.log(`  ${front}: ${bytes} bytes minified and compressed (brotli), of at most ${LIMIT_BYTES}`)
  return [
    ...(bytes < LIMIT_BYTES ? [] : [tooLarge(bytes, inputs)]),
    ...files.filter((file) => UNWANTED.some((unwanted) => unwanted.test(file))).map((file) => `bundles ${file}`),
    ...files.filter((file) => file.includes('node_modules/')).map((file) => `bundles another package: ${file}`),
  ]
}

function tooLarge(bytes: number, inputs: ReadonlyMap<string, number>): string {
  const bySize = [...inputs].toSorted(([, a], [, b]) => b - a)
  const lines = bySize.map(([file, size]) => `  ${String(size).padStart(6)} ${file}`)
  return `${bytes} bytes, more than ${LIMIT_BYTES}; minified but not compressed:\n${lines.join('\n')}`
}

/** The compressed size, and how many bytes each file has in the bundle before compression. */
async function bundle(front: string): Promise<{ bytes: number; inputs: ReadonlyMap<string, number> }> {
  const result = await build({
    stdin: { contents: entry(front), resolveDir: root },
    absWorkingDir: root,
    // Not this project's own, whose paths lead to the sources: the built package is what is measured.
    tsconfigRaw: {},
    bundle: true,
    write: false,
    minify: true,
    metafile: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'silent',
  })
  const code = result.outputFiles[0]?.contents ?? new Uint8Array()
  const output = Object.values(result.metafile.outputs)[0]
  // A file that was looked at but contributes nothing is not in the bundle.
  const inputs = Object.entries(output?.inputs ?? {}).flatMap(([file, { bytesInOutput }]) =>
    bytesInOutput > 0 ? [[file, bytesInOutput] as const] : [],
  )
  return { bytes: brotliCompressSync(code).length, inputs: new Map(inputs) }
}

import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { type Gate, verdict } from '../lib/gate.ts'
import { root } from '../lib/project.ts'

const LIMIT_BYTES = 20_000

// What a small application needs, and nothing that it did not ask for.
const ENTRY = `
  import { createSessions } from 'sojourn'
  import { nodeSessions } from 'sojourn/node'
  import { memoryStore } from 'sojourn/stores/memory'
  console.log(createSessions, nodeSessions, memoryStore)
`
const UNWANTED = [/^dist\/csrf\.js$/, /^dist\/carriers\/(header|url|form)\.js$/, /^dist\/stores\/(file|sqlite)\.js$/]

/** An application bundles only what it imports, and on Node no other package comes with it. */
export const sizeGate: Gate = {
  name: 'size of a bundled application',
  async run() {
    const { bytes, inputs } = await bundle()
    console.log(`  ${bytes} bytes minified and compressed, of at most ${LIMIT_BYTES}`)
    return verdict([
      ...(bytes < LIMIT_BYTES ? [] : [`${bytes} bytes, more than ${LIMIT_BYTES}`]),
      ...inputs.filter((file) => UNWANTED.some((unwanted) => unwanted.test(file))).map((file) => `bundles ${file}`),
      ...inputs.filter((file) => file.includes('node_modules/')).map((file) => `bundles another package: ${file}`),
    ])
  },
}

async function bundle(): Promise<{ bytes: number; inputs: string[] }> {
  const result = await build({
    stdin: { contents: ENTRY, resolveDir: root },
    absWorkingDir: root,
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
  const inputs = Object.entries(output?.inputs ?? {}).filter(([, { bytesInOutput }]) => bytesInOutput > 0)
  return { bytes: gzipSync(code, { level: 9 }).length, inputs: inputs.map(([file]) => file) }
}

// `npm run bench:scale`; see README.md. Arguments: --stores memory,sqlite,redis,postgres,mysql, --sessions n.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { cores, moveTo, onCore } from '../lib/cores.ts'
import { databaseOf, openDatabase } from '../lib/databases.ts'
import { pictureTag, writePage, writePictures } from '../report/write.ts'
import type { StoreName } from '../servers/serve.ts'
import { type Line, lineChart } from './lines.ts'
import { type Curve, type Point, sessionsTable, sizeTable } from './tables.ts'

const STORES = ['memory', 'sqlite', 'redis', 'postgres', 'mysql'] as const
const WORKER = fileURLToPath(new URL('../servers/curve.ts', import.meta.url))

const { values } = parseArgs({
  options: {
    stores: { type: 'string', default: 'memory,sqlite' },
    sessions: { type: 'string', default: '1000000' },
  },
})
const chosen = values.stores.split(',')
const unknown = chosen.filter((name) => !STORES.some((store) => store === name))
if (unknown.length > 0) {
  console.error(`bench:scale: no store ${unknown.join(', ')}; there are ${STORES.join(', ')}`)
  process.exit(2)
}
const curves: Curve[] = []
for (const store of STORES.filter((name) => chosen.includes(name))) {
  curves.push({ store, points: await growSessions(store) })
}
const sizes = await run(['bytes', 'memory'])
await report()
process.exit()

async function growSessions(store: StoreName): Promise<readonly Point[]> {
  const kind = databaseOf(store)
  moveTo(cores.database)
  const database = kind === undefined ? undefined : await openDatabase(kind)
  moveTo(cores.load)
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-curve-'))
  try {
    return await run(['sessions', store, database?.url ?? '', folder, values.sessions])
  } finally {
    rmSync(folder, { recursive: true })
    await database?.stop()
  }
}

/** The points that a worker of its own, on the server's core, prints. */
async function run(args: readonly string[]): Promise<readonly Point[]> {
  console.error(`bench:scale: ${args[0]}, ${args[1]}`)
  const program = ['--expose-gc', '--max-old-space-size=6000', WORKER, ...args]
  const child = spawn(...onCore(cores.server, process.execPath, program), { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const points: Point[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    console.error(line)
    points.push(JSON.parse(line) as Point)
  }
  const code = await ended
  if (code !== 0) throw new Error(`${args.join(' ')}: the worker ended with ${code}`)
  return points
}

async function report(): Promise<void> {
  const lines: readonly Line[] = curves.flatMap(({ store, points }) =>
    (['read', 'write'] as const).map((route) => ({
      name: `${store}, ${route}`,
      points: points.map((point) => ({ x: point.at, y: point[route] })),
    })),
  )
  const chart = { title: 'CPU of a session per request, µs, as sessions become many', x: 'sessions', lines }
  writePictures('scale', { light: lineChart(chart, 'light'), dark: lineChart(chart, 'dark') })
  const text = [
    '# Flat curves',
    'Made by `npm run bench:scale`: the whole engine without HTTP, 32 requests at a time, sessions from all over. [README.md](README.md) says more.',
    `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}`,
    pictureTag('scale', 'CPU per request from a thousand to a million sessions'),
    '## As sessions become many: CPU per request, µs',
    sessionsTable(curves),
    '## As a session becomes large, in memory: CPU per request, µs',
    sizeTable(sizes),
  ].join('\n\n')
  console.log(text)
  await writePage('SCALE.md', text)
}

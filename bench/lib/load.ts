import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cores, onCore } from './cores.ts'

export const routes = ['anonymous', 'read', 'write', 'login', 'mix'] as const

export type Route = (typeof routes)[number]

export interface Load {
  readonly route: Route
  /** The Cookie header of each session. Anonymous visitors have none. */
  readonly cookies: readonly string[]
  /** Whether the load takes over new cookies. With all of the session in the cookie it need not: the old one stays good. */
  readonly isFollowing: boolean
  readonly until: Until
  readonly connections: number
  /** Mean milliseconds that a connection waits before each request. */
  readonly think?: number
}

/** When a load ends: after these seconds or the `most` requests, whichever is first; or after these seconds and the `least`. */
export type Until =
  | { readonly seconds: number; readonly most: number }
  /** A slow subject may take up to ten times the seconds to get there. */
  | { readonly seconds: number; readonly least: number }

/** What the load generator saw. */
export interface Seen {
  readonly requests: number
  readonly micros: number
  readonly bytes: number
  /** Microseconds. */
  readonly p50: number
  readonly p99: number
}

const SCRIPT = fileURLToPath(new URL('load.lua', import.meta.url))

/** Drives a server with `wrk`. A response that is not 2xx, and any other fault, voids the run: it rejects. */
export async function drive(wrk: string, port: number, load: Load): Promise<Seen> {
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-load-'))
  try {
    const cookies = join(folder, 'cookies')
    const lines = load.route === 'anonymous' ? [''] : load.cookies
    writeFileSync(cookies, lines.map((line) => `${line}\n`).join(''))
    const { faults, ...seen } = await run(wrk, port, load, cookies)
    if (faults > 0) throw new Error(`${faults} of ${seen.requests} requests failed on ${load.route}`)
    return seen
  } finally {
    rmSync(folder, { recursive: true })
  }
}

// wrk knows whole seconds only, and no number of requests: it is told to end by the signal that it prints its figures on.
const LONGEST_SECONDS = 60

function run(wrk: string, port: number, load: Load, cookies: string): Promise<Seen & { faults: number }> {
  const { until, route, connections, think = 0 } = load
  const args = ['-t1', `-c${connections}`, `-d${LONGEST_SECONDS}s`, '--timeout', '10s', '-s', SCRIPT]
  const child = spawn(...onCore(cores.load, wrk, [...args, `http://127.0.0.1:${port}/`]), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      BENCH_ROUTE: route,
      BENCH_COOKIES: cookies,
      BENCH_FOLLOW: load.isFollowing ? 'yes' : 'no',
      BENCH_REQUESTS: String('most' in until ? until.most : until.least),
      BENCH_THINK: String(think),
    },
  })
  const end = (): void => void child.kill('SIGINT')
  let needs = 'most' in until ? 1 : 2
  const oneOfThem = (): void => {
    needs -= 1
    if (needs === 0) end()
  }
  const timer = setTimeout(oneOfThem, until.seconds * 1000)
  const patience = setTimeout(end, until.seconds * 10_000)
  return new Promise((resolve, reject) => {
    let output = ''
    const keep = (text: string): void => {
      output += text
      if (text.includes('reached\n')) oneOfThem()
    }
    child.stdout.setEncoding('utf8').on('data', keep)
    child.stderr.setEncoding('utf8').on('data', keep)
    child.on('error', reject)
    child.on('close', () => {
      clearTimeout(timer)
      clearTimeout(patience)
      const line = output.split('\n').find((text) => text.startsWith('{"requests"'))
      if (line === undefined) reject(new Error(`wrk gave no figures\n${output}`))
      else resolve(JSON.parse(line) as Seen & { faults: number })
    })
  })
}

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeEach, describe, expect, it } from 'vitest'
import { ensurePart } from '../../scripts/parts.ts'
import type { Program } from '../support/program.ts'
import { emptyFolder, filesOf, start, transcriptOf } from '../support/program.ts'

const run = promisify(execFile)

/** Types what the guide shows, in an empty folder, and compares what comes back. */
async function follow(guide: string, { address }: Program): Promise<void> {
  const curl = await curlPath()
  const folder = await emptyFolder()
  const steps = await transcriptOf(guide)
  expect(steps.length).toBeGreaterThan(1)
  for (const [command, output] of steps) {
    const typed = command.replace('curl', curl).replaceAll('http://127.0.0.1:3000', address)
    const { stdout } = await run('sh', ['-c', typed], { cwd: folder })
    expect(stdout, command).toBe(output)
  }
}

beforeEach(async (context) => {
  const curl = await ensurePart('curl')
  if ('missing' in curl) context.skip(curl.missing)
})

describe('the guide to PyHP’s session', { timeout: 60_000 }, () => {
  const guide = 'docs/originals/pyhp.md'

  it('shows a program that runs as it is written, and what it answers', async () => {
    const folder = await emptyFolder()
    const program = await start(folder, await filesOf(guide), 'server.ts')
    await follow(guide, program)
    expect(program.complaints()).toBe('')
    expect(existsSync(join(folder, 'pyhp-sessions'))).toBe(true)
  })
})

describe('the guide to WebStack’s sessions', { timeout: 60_000 }, () => {
  const guide = 'docs/originals/webstack.md'
  // What `deno serve` and Bun do with a module like this.
  const bridge = `
    import { createServer } from 'node:http'
    import app from './fetch-server.ts'
    createServer(async (incoming, outgoing) => {
      const body = incoming.method === 'POST' ? { body: incoming, duplex: 'half' } : {}
      const request = new Request('http://127.0.0.1:3000' + incoming.url, {
        method: incoming.method, headers: incoming.headers, ...body,
      })
      const response = await app.fetch(request)
      outgoing.statusCode = response.status
      outgoing.setHeaders(response.headers)
      outgoing.end(await response.text())
    }).listen(3000, '127.0.0.1')
  `

  it.each(['node-server.ts', 'express-server.ts', 'bridge.ts'])(
    'W14 W15 W16: shows one resource that answers the same on every server: %s',
    async (main) => {
      const folder = await emptyFolder(['express'])
      const program = await start(folder, new Map([...(await filesOf(guide)), ['bridge.ts', bridge]]), main)
      await follow(guide, program)
      expect(program.complaints()).toBe('')
      expect(await readdir(folder)).toContain('WebStack-sessions')
    },
  )

  it('W18: shows a link that carries the session of a client without cookies, and of no other', async () => {
    const folder = await emptyFolder()
    const { address, complaints } = await start(folder, await filesOf(guide), 'links.ts')
    const visit = async (href: string, jar: readonly string[]): Promise<readonly string[]> => {
      const { stdout } = await run(await curlPath(), ['-s', '-L', ...jar, address + href], { cwd: folder })
      return /<a href="([^"]*)">(.*)<\/a>/.exec(stdout)?.slice(1) ?? []
    }
    let [href = '', text = ''] = await visit('/', [])
    for (let more = 1; more < 4; more += 1) {
      expect([href, text]).toEqual([expect.stringMatching(/^\/\?sid=.{40}/), `visit ${'I'.repeat(more)}`])
      ;[href = '', text = ''] = await visit(href, [])
    }
    const jar = ['-b', 'jar', '-c', 'jar']
    expect([await visit('/', jar), await visit('/', jar)]).toEqual([
      ['/', 'visit I'],
      ['/', 'visit II'],
    ])
    expect(complaints()).toBe('')
  })
})

async function curlPath(): Promise<string> {
  const curl = await ensurePart('curl')
  if ('missing' in curl) throw new Error(curl.missing)
  return curl.path
}

import { afterEach, describe, expect, it, vi } from 'vitest'
import { bed, copyOf, newClient, settled } from '../../test/support/bed.ts'
import { createEmitter } from './events.ts'

const rejections: unknown[] = []
const note = (reason: unknown): void => void rejections.push(reason)

afterEach(() => {
  vi.restoreAllMocks()
  process.off('unhandledRejection', note)
  rejections.length = 0
})

describe('listeners', () => {
  it('a listener hears of its event until it is taken off', () => {
    const emitter = createEmitter()
    const heard: string[] = []
    const off = emitter.on('created', ({ reference }) => void heard.push(reference))
    emitter.on('rotated', ({ reference }) => void heard.push(`rotated ${reference}`))
    emitter.emit('created', { reference: 'a' })
    off()
    emitter.emit('created', { reference: 'b' })
    emitter.emit('rotated', { reference: 'c' })
    expect(heard).toEqual(['a', 'rotated c'])
  })

  it('VULN-10: a listener that throws keeps neither the others from hearing nor a session from ending', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const { sessions, signedIn, visit } = bed()
    const heard: unknown[] = []
    sessions.on('destroyed', () => {
      throw new RangeError('listener')
    })
    sessions.on('destroyed', (event) => heard.push(event))
    const client = await signedIn('ann')
    const thief = copyOf(client)
    await visit(client, (session) => session.logout())
    expect(client.jar.size).toBe(0)
    expect(heard).toEqual([expect.objectContaining({ subject: 'ann' })])
    expect(await visit(thief, (session) => session.subject)).toBeUndefined()
    expect(warned).toHaveBeenCalledExactlyOnceWith(
      'sojourn: a listener of "destroyed" threw RangeError; it was ignored',
      'SojournWarning',
    )
  })

  it('DOS-23: a listener that always fails is reported once', () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const emitter = createEmitter()
    emitter.on('unknown', () => {
      throw new Error('full disk')
    })
    for (let i = 0; i < 1000; i++) emitter.emit('unknown', {})
    expect(warned).toHaveBeenCalledTimes(1)
  })

  it('ASVS5-16.5.4: an asynchronous listener that fails does not end the process', async () => {
    process.on('unhandledRejection', note)
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const emitter = createEmitter()
    const fail = async (): Promise<void> => {
      await Promise.resolve()
      throw new TypeError('later')
    }
    // As plain JavaScript and many a linter let it be written.
    emitter.on('unknown', () => fail() as unknown as void)
    emitter.emit('unknown', {})
    await settled()
    await settled()
    expect(rejections).toEqual([])
    expect(warned).toHaveBeenCalledTimes(1)
  })

  it('a listener that takes itself off does not keep the next one from hearing', () => {
    const emitter = createEmitter()
    const heard: number[] = []
    const off = emitter.on('unknown', () => {
      heard.push(1)
      off()
    })
    emitter.on('unknown', () => void heard.push(2))
    emitter.emit('unknown', {})
    emitter.emit('unknown', {})
    expect(heard).toEqual([1, 2, 2])
  })

  it('a warning is given once for each message, to the platform and to listeners', () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const emitter = createEmitter()
    const heard: string[] = []
    emitter.on('warning', ({ message }) => void heard.push(message))
    for (const message of ['a', 'b', 'a']) emitter.warn(message)
    expect(heard).toEqual(['a', 'b'])
    expect(warned).toHaveBeenCalledTimes(2)
  })
})

describe('the story of a session', () => {
  it('CS-12: each event is told exactly once, with a name that opens nothing', async () => {
    const { record, visit, signedIn, clock, sessions } = bed({ timeouts: { idle: '15m' } })
    const names = [
      'created',
      'login',
      'elevated',
      'rotated',
      'destroyed',
      'revoked',
      'unknown',
      'superseded',
      'gone',
    ] as const
    const seen = record(...names)
    const client = newClient()
    await visit(client, (session) => session.set('a', 1))
    await visit(client, (session) => session.login('ann'))
    const old = copyOf(client)
    await visit(client, (session) => session.elevate())
    await visit(old, () => undefined)
    await visit(client, (session) => session.logout())
    const other = await signedIn('bob')
    await sessions.forSubject('bob').endAll()
    clock.advance(1)
    await visit(other, () => undefined)
    expect(seen.map(({ name }) => name)).toEqual([
      'created',
      'rotated',
      'login',
      'rotated',
      'elevated',
      'superseded',
      'destroyed',
      'created',
      'login',
      'revoked',
      'unknown',
    ])
    expect(seen.find(({ name }) => name === 'revoked')?.event).toEqual({ subject: 'bob', count: 1 })
    const told = JSON.stringify(seen)
    for (const token of [...client.jar.values(), ...old.jar.values(), ...other.jar.values()])
      expect(told).not.toContain(token)
  })
})

import { AsyncLocalStorage } from 'node:async_hooks'
import { createHmac, hash, timingSafeEqual } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers'
import type { Ambient } from './platform.ts'

export { randomBytes } from 'node:crypto'

// The one-shot form is several times faster than a Hash object.
export function sha256(text: string): string {
  return hash('sha256', text, 'base64url')
}

export function hmacSha256(key: Uint8Array, text: string): Uint8Array {
  return createHmac('sha256', key).update(text).digest()
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

export function toBase64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url')
}

export function utf8(text: string): Uint8Array {
  return Buffer.from(text, 'utf8')
}

export function utf8Length(text: string): number {
  return Buffer.byteLength(text, 'utf8')
}

export function later(milliseconds: number, fn: () => void): () => void {
  const timer = setTimeout(fn, milliseconds)
  timer.unref()
  return () => clearTimeout(timer)
}

export function background(milliseconds: number, fn: () => void): () => void {
  return later(milliseconds, fn)
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, milliseconds))
}

// The function as it was imported: a test's fake timers, which replace the global one, hold up no store.
export function nextTurn(fn: () => void): void {
  setImmediate(fn)
}

let end: Promise<void> | undefined

export function endOfTurn(): Promise<void> {
  return (end ??= new Promise<void>(nextTurn).then(() => {
    end = undefined
  }))
}

export const isolatesRequests = false

export function monotonicNow(): number {
  return performance.now()
}

export function ambient<T>(): Ambient<T> {
  const storage = new AsyncLocalStorage<T>()
  return { run: (value, fn) => storage.run(value, fn), get: () => storage.getStore() }
}

export function isProduction(): boolean {
  return process.env['NODE_ENV'] === 'production'
}

export function warn(message: string): void {
  process.emitWarning(message, 'SojournWarning')
}

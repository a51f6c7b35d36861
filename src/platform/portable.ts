import { hmac } from '@noble/hashes/hmac.js'
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { toBase64Url } from './base64url.ts'
import type { Ambient } from './platform.ts'

export { toBase64Url }

/** What this file calls of the web platform; declared here because the core is compiled without its types. */
interface WebPlatform {
  readonly crypto: { getRandomValues(bytes: Uint8Array): Uint8Array }
  readonly TextEncoder: new () => { encode(text: string): Uint8Array }
  readonly setTimeout: (fn: () => void, milliseconds: number) => unknown
  readonly clearTimeout: (timer: unknown) => void
  readonly performance: { now(): number }
  readonly console: { warn(message: string): void }
  readonly AsyncLocalStorage?: new <T>() => { run<R>(value: T, fn: () => R): R; getStore(): T | undefined }
  readonly process?: { readonly env?: Readonly<Record<string, string | undefined>> }
}
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what every web platform has
const web = globalThis as unknown as WebPlatform
const encoder = new web.TextEncoder()

export function sha256(text: string): string {
  return toBase64Url(nobleSha256(encoder.encode(text)))
}

export function hmacSha256(key: Uint8Array, text: string): Uint8Array {
  return hmac(nobleSha256, key, encoder.encode(text))
}

export function randomBytes(length: number): Uint8Array {
  return web.crypto.getRandomValues(new Uint8Array(length))
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0)
  return difference === 0
}

export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

export function utf8Length(text: string): number {
  return encoder.encode(text).length
}

export function later(milliseconds: number, fn: () => void): () => void {
  const timer = web.setTimeout(fn, milliseconds)
  return () => web.clearTimeout(timer)
}

/** None: in Workers it would be cancelled with its request, and must not work for another one. */
export function background(): (() => void) | undefined {
  return undefined
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => void web.setTimeout(resolve, milliseconds))
}

export function nextTurn(fn: () => void): void {
  web.setTimeout(fn, 0)
}

/** At once: the timer would belong to one request, and in Workers another one must not wait for it. */
export function endOfTurn(): Promise<void> {
  return Promise.resolve()
}

export const isolatesRequests = true

export function monotonicNow(): number {
  return web.performance.now()
}

/** Without AsyncLocalStorage there is no ambient session: `current()` then says so, everything else works. */
export function ambient<T>(): Ambient<T> {
  if (web.AsyncLocalStorage === undefined) return { run: (_value, fn) => fn(), get: () => undefined }
  const storage = new web.AsyncLocalStorage<T>()
  return { run: (value, fn) => storage.run(value, fn), get: () => storage.getStore() }
}

export function isProduction(): boolean {
  return web.process?.env?.['NODE_ENV'] === 'production'
}

export function warn(message: string): void {
  web.console.warn(message)
}

import type { Context, Middleware } from 'koa'
import { LOST, pageOf, type Visit } from './visit.ts'

/** Koa has no router. */
export function routes(handlers: Readonly<Record<string, (ctx: Context) => void | Promise<void>>>): Middleware {
  return (ctx) => handlers[ctx.path]?.(ctx)
}

/** The page of a session, or 409 when there is none. */
export function answer(ctx: Context, visit: Visit | undefined): void {
  if (visit === undefined) ctx.status = 409
  ctx.body = visit === undefined ? LOST : pageOf(visit)
}

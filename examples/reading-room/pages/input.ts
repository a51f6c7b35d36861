import type { Request } from 'express'

/** A field of the submitted form as one line of text, at most `max` characters long. */
export function lineIn(req: Request, name: string, max = 200): string {
  return textIn(req, name, max).replace(/\s+/g, ' ')
}

/** A field of the submitted form as text of several lines. */
export function textIn(req: Request, name: string, max: number): string {
  return rawIn(req, name)
    .replace(/\r\n?/g, '\n')
    .replace(/[^\P{Cc}\n\t]/gu, '')
    .trim()
    .slice(0, max)
}

/** A field of the submitted form exactly as it was typed: for passwords. */
export function rawIn(req: Request, name: string): string {
  const form: unknown = req.body
  if (typeof form !== 'object' || form === null || !Object.hasOwn(form, name)) return ''
  const value: unknown = Reflect.get(form, name)
  return typeof value === 'string' ? value : ''
}

/** A whole number in a field, within bounds; undefined when it is none. */
export function countIn(req: Request, name: string, min: number, max: number): number | undefined {
  const text = lineIn(req, name, 10)
  if (!/^\d+$/.test(text)) return undefined
  return Math.min(max, Math.max(min, Number(text)))
}

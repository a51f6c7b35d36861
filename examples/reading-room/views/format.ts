import type { Html } from './html.ts'
import { html } from './html.ts'

const euros = new Intl.NumberFormat('en-IE', { style: 'currency', currency: 'EUR' })
const days = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' })
const moments = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })

export function money(cents: number): string {
  return euros.format(cents / 100)
}

export function day(at: number): Html {
  return html`<time datetime="${new Date(at).toISOString().slice(0, 10)}">${days.format(at)}</time>`
}

export function moment(at: number): Html {
  return html`<time datetime="${new Date(at).toISOString()}">${moments.format(at)} UTC</time>`
}

/** `just now`, `5 minutes ago`, or the moment itself when it is long past. */
export function ago(at: number, now: number = Date.now()): Html {
  const minutes = Math.floor((now - at) / 60_000)
  if (minutes >= 24 * 60) return moment(at)
  return html`<time datetime="${new Date(at).toISOString()}">${minutesInWords(minutes)}</time>`
}

function minutesInWords(minutes: number): string {
  if (minutes < 1) return 'just now'
  if (minutes < 60) return `${plural(minutes, 'minute')} ago`
  return `${plural(Math.floor(minutes / 60), 'hour')} ago`
}

/** `1 minute`, `15 minutes`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** A length of time in whole hours, minutes or seconds, whichever fits. */
export function span(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000)
  if (seconds % 3600 === 0) return plural(seconds / 3600, 'hour')
  if (seconds >= 60) return plural(Math.round(seconds / 60), 'minute')
  return plural(seconds, 'second')
}

import { isDeepStrictEqual } from 'node:util'
import type { CallEntry, Entry, VerbEntry } from '../history.ts'
import type { Played } from '../schedule.ts'
import { clashRule } from './clash-rule.ts'
import { cookieRule } from './cookie-rule.ts'
import { dataRule } from './data-rule.ts'
import { errorRule } from './error-rule.ts'
import { newLosers } from './losers.ts'
import { newModel } from './model.ts'
import type { At, Reading, Rule } from './rule.ts'
import { writeOf } from './rule.ts'
import { storeRule } from './store-rule.ts'
import { strayRule } from './stray-rule.ts'
import { tokenRule } from './token-rule.ts'

/** Reads a whole history, and tells everything in it that must not be. */
export async function violationsOf({ entries, plan }: Pick<Played, 'entries' | 'plan'>): Promise<readonly string[]> {
  const violations: string[] = []
  const verbs = new Map<number, At<VerbEntry>>()
  const model = newModel()
  const { see, companions } = newLosers()
  let seq = 0
  const reading: Reading = { model, verbs, companions, blame: (what) => void violations.push(`at ${seq}: ${what}`) }
  const cap = plan.options.perSubject
  const stray = strayRule(plan.options.rotation?.grace === '0s' ? 0 : 10_000)
  const error = errorRule(cap?.onLimit === 'reject')
  const rules = [storeRule(cap), dataRule, tokenRule, cookieRule, error, clashRule, stray].map((make) => make(reading))
  for (const entry of entries) {
    seq = entry.seq
    model.moveTo(entry.at)
    if (entry.type === 'verb') verbs.set(entry.verb, entry)
    if (entry.type === 'call') await readCall(entry, reading, rules)
    for (const rule of rules) rule.see?.(entry)
    see(entry, verbs)
    const verb = entry.type === 'done' ? verbs.get(entry.verb) : undefined
    if (entry.type === 'done' && verb !== undefined) for (const rule of rules) rule.done?.(entry, verb)
  }
  return violations
}

async function readCall(call: CallEntry & Entry, { model, blame }: Reading, rules: readonly Rule[]): Promise<void> {
  const write = writeOf(call, model)
  for (const rule of rules) rule.expect?.(call, write)
  const answer = await model.apply(call)
  const isFree = call.method === 'sweep' || call.method === 'scan' || call.method === 'clear'
  if (!isFree && !isDeepStrictEqual(plain(answer), plain(call.answer))) {
    blame(`${call.method} answered ${JSON.stringify(call.answer)}; it must be ${JSON.stringify(answer)}`)
  }
  if (write !== undefined) for (const rule of rules) rule.write?.(call, write)
}

/** Without keys that hold undefined, and without prototypes. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown)
}

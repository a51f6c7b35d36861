import { keyOf } from '../../lab.ts'
import type { View } from '../history.ts'
import type { MakeRule, Reading } from './rule.ts'

interface Retired {
  readonly seq: number
  /** Until then it leads on to the session that it was replaced in. */
  readonly until: number
  readonly why: string
}

interface Presented {
  readonly seq: number
  readonly at: number
  readonly token: string | undefined
}

/** Old tokens open nothing, no token opens another session than it was made for, and a session that ended stays ended. */
export const tokenRule: MakeRule = (reading) => {
  const { model, blame } = reading
  const made = new Map<string, View>()
  const retired = new Map<string, Retired>()
  const begun = new Map<number, Presented>()
  const ended = new Map<string, string>()

  const retire = ({ token, handle }: View, fact: Retired): void => {
    if (token !== undefined && handle !== undefined && model.wasKnown(handle)) retired.set(token, fact)
  }

  return {
    see(entry) {
      if (entry.type === 'begin') begun.set(entry.request, entry)
      if (entry.type !== 'opened') return
      const { seq = 0, at = 0, token = '' } = begun.get(entry.request) ?? {}
      const { handle, subject } = entry.view
      const old = retired.get(token)
      if (handle !== undefined && old !== undefined && seq > old.seq && at >= old.until) {
        blame(`a token that ${old.why} replaced opens ${subject ?? 'a session'}`)
      }
      const maker = made.get(token)
      if (handle === undefined || maker === undefined) return
      if (subject !== maker.subject) blame(`a token of ${maker.subject ?? 'nobody'} opens ${subject ?? 'nobody'}`)
      if (handle !== maker.handle) blame(`a token of ${maker.handle} opens ${handle}`)
    },
    done(done, verb) {
      const { before } = verb
      const { after } = done
      if (!done.ok) return
      if (after.token !== undefined && after.handle !== undefined && !made.has(after.token)) {
        if (model.wasKnown(keyOf(after.token))) made.set(after.token, after)
      }
      const fact = { seq: done.seq, until: 0, why: verb.name }
      if (['login', 'elevate', 'logout', 'destroy'].includes(verb.name)) retire(before, fact)
      if (verb.name === 'end-others' && before.token !== after.token) retire(before, fact)
      if (verb.name === 'rotate' && before.token !== after.token) {
        retire(before, { ...fact, until: done.at + (verb.grace ?? 0) })
      }
      const isEnd = verb.name === 'logout' || verb.name === 'destroy'
      if (isEnd && before.subject !== undefined && before.handle !== undefined) ended.set(before.handle, verb.name)
      if (verb.name === 'login') judgeLogin(reading, before, done)
    },
    write() {
      for (const { handle } of model.all().values()) {
        if (ended.has(handle)) blame(`a session lives after its ${ended.get(handle)}: ${handle}`)
      }
    },
  }
}

/** Of two logins with one token the second must not pass, as long as the mark of the first is there. */
function judgeLogin(
  { model, blame }: Reading,
  before: View,
  done: { readonly request: number; readonly at: number },
): void {
  const key = keyOf(before.token)
  const isByOther = model.death(key) !== undefined && model.death(key)?.request !== done.request
  if (before.handle !== undefined && isByOther && model.mark(key)?.state === 'dead') {
    blame('a login went on although another request had replaced its token')
  }
}

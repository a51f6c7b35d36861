import type { SubjectStore } from '../../core/store.ts'
import { tagOfSubject } from './keys.ts'
import type { Parts } from './parts.ts'
import { isDone, numberIn, recordsIn } from './replies.ts'
import { instantNow, lineOf } from './values.ts'

/** The operations on all sessions of a subject: one script each. */
export function subjectsOf({ calls, names, now }: Parts): SubjectStore {
  const run = <R>(
    script: 'list' | 'count' | 'endOfSubject',
    subject: string,
    rest: readonly string[],
    read: (reply: unknown) => R,
  ): Promise<R> => {
    const tag = tagOfSubject(subject)
    const keys = [names.epochKey(tag), names.indexBase(tag)]
    const args = [instantNow(now()), lineOf(subject), ...rest]
    return calls.run({ script, keys, args, isDecisive: script === 'endOfSubject' }, read)
  }
  return {
    listBySubject: (subject) => run('list', subject, [], recordsIn),
    countBySubject: (subject) => run('count', subject, [], numberIn),
    deleteByHandle: (subject, handle) => run('endOfSubject', subject, ['only', lineOf(handle)], isDone),
    // No handle is an empty line.
    deleteBySubject: (subject, except) =>
      run('endOfSubject', subject, ['except', except === undefined ? '' : lineOf(except)], numberIn),
  }
}

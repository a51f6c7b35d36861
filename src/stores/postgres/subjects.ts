import type { Clock } from '../../core/clock.ts'
import { partitionOfSubject } from '../../core/key.ts'
import type { SubjectStore } from '../../core/store.ts'
import { stored } from '../shared/texts.ts'
import type { Queue } from './queue.ts'
import { subjectLane } from './records.ts'
import { numberIn, recordIn } from './rows.ts'
import type { Statements } from './statements.ts'

/** What concerns the sessions of one subject. */
export function subjectsIn(queue: Queue, sql: Statements, now: Clock): SubjectStore {
  return {
    listBySubject: (subject) =>
      queue.single([subjectLane(stored(subject))], async (run) => {
        const rows = await run(sql.list, [stored(subject), partitionOfSubject(subject), String(now())])
        return rows.map((row) => recordIn(row, 0))
      }),
    countBySubject: (subject) =>
      queue.single([subjectLane(stored(subject))], async (run) => {
        const [row] = await run(sql.count, [stored(subject), partitionOfSubject(subject), String(now())])
        return numberIn(row?.[0])
      }),
    deleteByHandle: (subject, handle) =>
      queue.single([subjectLane(stored(subject))], async (run) => {
        const values = [stored(subject), partitionOfSubject(subject), stored(handle), String(now())]
        const [row] = await run(sql.end_handle, values)
        return numberIn(row?.[0]) > 0
      }),
    deleteBySubject: (subject, except) =>
      queue.single([subjectLane(stored(subject))], async (run) => {
        const kept = except === undefined ? null : stored(except)
        const values = [stored(subject), partitionOfSubject(subject), kept, String(now())]
        const [row] = await run(sql.end_subject, values)
        return numberIn(row?.[0])
      }),
  }
}

import { capCases } from './cap-cases.ts'
import { deleteAndExpiryCases } from './delete-and-expiry-cases.ts'
import { insertAndGetCases } from './insert-and-get-cases.ts'
import { rotateCases } from './rotate-cases.ts'
import { subjectCases } from './subject-cases.ts'
import { updateAndTouchCases } from './update-and-touch-cases.ts'
import { upkeepCases } from './upkeep-cases.ts'
import { watchCases } from './watch-cases.ts'
import type { StoreCase } from './harness.ts'

/**
 * The whole store contract, clause by clause. A store that passes them all may be used with this package:
 *
 * ```ts
 * for (const storeCase of storeCases) {
 *   test(storeCase.name, async () => {
 *     const harness = await openMyStore()
 *     if (lackingFor(storeCase, harness).length === 0) await storeCase.run(harness)
 *   })
 * }
 * ```
 *
 * `update` is called with the handle, subject and `createdAt` that the record has; texts are well-formed Unicode.
 */
export const storeCases: readonly StoreCase[] = [
  ...insertAndGetCases,
  ...updateAndTouchCases,
  ...deleteAndExpiryCases,
  ...rotateCases,
  ...subjectCases,
  ...capCases,
  ...upkeepCases,
  ...watchCases,
]

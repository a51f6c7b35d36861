import { wrongAboutEnds } from './wrong-about-ends.ts'
import { wrongAboutNews } from './wrong-about-news.ts'
import { wrongAboutRecords } from './wrong-about-records.ts'
import { wrongAboutRotation } from './wrong-about-rotation.ts'
import { wrongAboutSubjects } from './wrong-about-subjects.ts'
import { wrongAboutUpkeep } from './wrong-about-upkeep.ts'
import type { WrongStore } from './wrong-store.ts'

export type { WrongStore } from './wrong-store.ts'

/** Stores that are wrong on purpose: the proof that the store cases see what they claim to see. */
export const wrongStores: readonly WrongStore[] = [
  ...wrongAboutRecords,
  ...wrongAboutEnds,
  ...wrongAboutRotation,
  ...wrongAboutSubjects,
  ...wrongAboutUpkeep,
  ...wrongAboutNews,
]

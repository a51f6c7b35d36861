import { fileUnderTest, memoryUnderTest, sqliteUnderTest } from '../../support/stores.ts'
import { randomSchedules } from './schedules.ts'

randomSchedules(memoryUnderTest, { count: 10_000 })
// The disk makes a schedule some ten times as slow as memory does.
randomSchedules(fileUnderTest, { count: 1000 })
randomSchedules(sqliteUnderTest, { count: 1000 })

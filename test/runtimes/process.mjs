import { runStoreCases } from './conformance.mjs'
import { fileSubject, sqliteIsMissing, sqliteSubject } from './disk-subjects.mjs'
import { oneEngineTests } from './one-engine.mjs'
import { serverTests } from './server.mjs'
import { smokeTests } from './smoke.mjs'
import { memorySubject } from './subjects.mjs'

/** @param {import('./conformance.mjs').Result} result */
const report = (result) => console.log(JSON.stringify(result))

await smokeTests(report)
await serverTests(report)
await oneEngineTests(report)
await runStoreCases(memorySubject, report)
await runStoreCases(fileSubject, report)
if (process.argv.includes('--without-sqlite')) await sqliteIsMissing(report)
else await runStoreCases(sqliteSubject, report)
console.log('complete')

import { runStoreCases } from './conformance.mjs'
import { serverTests } from './server.mjs'
import { smokeTests } from './smoke.mjs'
import { memorySubject } from './subjects.mjs'

/** @param {import('./conformance.mjs').Result} result */
const report = (result) => console.log(JSON.stringify(result))

await smokeTests(report)
await serverTests(report)
await runStoreCases(memorySubject, report)
console.log('complete')

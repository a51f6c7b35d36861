export { storeCases } from './store-cases.ts'
export { testKey, testRecord } from './fixtures.ts'
export { lackingFor, type Capability, type StoreCase, type StoreHarness } from './harness.ts'

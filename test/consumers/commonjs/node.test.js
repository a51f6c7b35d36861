const { deepEqual } = require('node:assert/strict')
const { it } = require('node:test')
const { faults } = require('../both/application.mjs')

it('has one engine', async () => {
  deepEqual(await faults(), [])
})

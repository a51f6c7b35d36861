import { faults } from './application.mjs'

void faults().then((found) => console.log(found.length === 0 ? 'one engine' : found.join('\n')))

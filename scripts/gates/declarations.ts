import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withConsumer } from '../lib/consumer.ts'
import { subpaths } from '../lib/exports.ts'
import type { Gate } from '../lib/gate.ts'
import { inProject } from '../lib/project.ts'
import { run } from '../lib/run.ts'

const TSCONFIG = {
  compilerOptions: {
    target: 'ES2023',
    module: 'NodeNext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    // The point of the gate: errors inside the package's declarations count.
    skipLibCheck: false,
  },
  files: ['application.ts'],
}

/** The packed declarations compile in a strict application that has none of this project's settings or tools. */
export const declarationsGate: Gate = {
  name: 'declarations compile in an application',
  async run() {
    const { code, output } = await withConsumer((folder) => {
      const imports = subpaths.map(({ specifier }, index) => `import * as module${index} from '${specifier}'`)
      const uses = subpaths.map((_, index) => `module${index}`)
      writeFileSync(join(folder, 'application.ts'), `${imports.join('\n')}\nconsole.log(${uses.join(', ')})\n`)
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(TSCONFIG))
      for (const types of ['@types/node', 'undici-types']) {
        cpSync(inProject('node_modules', types), join(folder, 'node_modules', types), { recursive: true })
      }
      return run('tsc', ['-p', folder], { quiet: true })
    })
    return code === 0 ? 'passed' : { failed: output.trim() }
  },
}

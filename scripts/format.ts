import { run } from './lib/run.ts'

const mode = process.argv.includes('--check') ? '--check' : '--write'
const { code } = await run('prettier', [mode, '--log-level', 'warn', '.'])
process.exitCode = code

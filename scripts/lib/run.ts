import { spawn } from 'node:child_process'
import { root } from './project.ts'

export interface Outcome {
  /** The exit code; 128 + n after signal n is not told apart from any other failure. */
  code: number
  output: string
}

/** Runs a program of node_modules/.bin or of the system, keeps what it prints and shows it too, unless `quiet`. */
export function run(
  command: string,
  args: readonly string[],
  options: { quiet?: boolean; cwd?: string; env?: Readonly<NodeJS.ProcessEnv> } = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? root,
      env: { ...(options.env ?? process.env), ...(options.quiet === true ? { NO_COLOR: '1' } : {}) },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const keep = (target: NodeJS.WriteStream) => (chunk: string) => {
      output += chunk
      if (options.quiet !== true) target.write(chunk)
    }
    child.stdout.setEncoding('utf8').on('data', keep(process.stdout))
    child.stderr.setEncoding('utf8').on('data', keep(process.stderr))
    child.on('error', (error) => resolve({ code: 1, output: `${command}: ${error.message}` }))
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
}

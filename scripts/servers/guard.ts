import { spawn } from 'node:child_process'
import { Socket } from 'node:net'

/** Ends a server and removes its folder when this process ends, however it ends. */
export interface Guard {
  /** The server is this process now; none, when it was ended. */
  watch(pid: number | undefined): void
  /** Does at once what it would do at the end of this process. */
  release(): Promise<void>
}

// It reads until the pipe closes, which a system does even for a process that was ended with SIGKILL. Nobody may be left
// to wait for the server, which then stays as a zombie.
const script = `
pid=0
while read -r line; do pid=$line; done
if [ "$pid" != 0 ]; then
  kill -s "$1" "$pid"
  n=0
  while kill -0 "$pid" && ! grep -q '^State:[^A-Z]*Z' "/proc/$pid/status" && [ $n -lt 40 ]; do
    n=$((n + 1)); sleep 0.05
  done
  kill -s KILL "$pid"
fi 2>/dev/null
rm -rf "$2"
`

/** `signal` is what ends the server at once and lets it leave nothing behind. */
export function guard(folder: string, signal: NodeJS.Signals): Guard {
  // A session of its own: Ctrl-C reaches this process, and must not end its guard.
  const child = spawn('sh', ['-c', script, 'guard', signal.slice('SIG'.length), folder], {
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  // A server that somebody forgot must not keep this process alive.
  child.unref()
  if (child.stdin instanceof Socket) child.stdin.unref()
  return {
    watch: (pid) => void child.stdin.write(`${pid ?? 0}\n`),
    async release() {
      child.ref()
      child.stdin.end()
      await ended
    },
  }
}

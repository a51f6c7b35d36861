import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { inProject } from '../../scripts/lib/project.ts'
import type { StoreSetting } from './open-store.ts'
import type { Answer, Request } from './requests.ts'
import type { Said } from './worker.ts'

/** The application's processes. */
export interface Crew {
  /** Goes to one of them, as a load balancer would send it. */
  serve(request: Request): Promise<Answer>
  /** Kills one with SIGKILL in the middle of its work; another takes its place. */
  killOne(which: number): Promise<void>
  /** Ends them one after the other, with a new one each, as a deployment does. */
  replaceAll(settingFor: SettingFor): Promise<void>
  stop(): Promise<void>
}

/** The setting of the process of that number; each process has a number of its own. */
export type SettingFor = (member: number) => StoreSetting

interface Member {
  readonly process: ChildProcess
  readonly waiting: Map<number, (answer: Answer) => void>
}

const LOST: Answer = { opened: 'failed', result: 'unknown', code: 'the process died' }

export async function startCrew(size: number, settingFor: SettingFor, complain: (text: string) => void): Promise<Crew> {
  let present = settingFor
  let hired = 0
  const hire = (): Promise<Member> => startMember(present(hired++), complain)
  const members = await Promise.all(Array.from({ length: size }, hire))
  let turn = 0
  const dismiss = async ({ process }: Member): Promise<void> => {
    const gone = once(process, 'exit')
    process.kill('SIGKILL')
    await gone
  }
  return {
    serve(request) {
      const member = members[turn++ % members.length]!
      return new Promise((resolve) => {
        member.waiting.set(request.op, resolve)
        member.process.send(request, (error) => {
          if (error !== null && member.waiting.delete(request.op)) resolve(LOST)
        })
      })
    },
    async killOne(which) {
      const index = which % members.length
      const next = await hire()
      const [old] = members.splice(index, 1, next)
      await dismiss(old!)
    },
    async replaceAll(next) {
      present = next
      for (const index of members.keys()) {
        const [old] = members.splice(index, 1, await hire())
        while (old!.waiting.size > 0) await new Promise((resolve) => setTimeout(resolve, 20))
        await dismiss(old!)
      }
    },
    stop: async () => void (await Promise.all(members.map(dismiss))),
  }
}

async function startMember(setting: StoreSetting, complain: (text: string) => void): Promise<Member> {
  const process = fork(new URL('worker.ts', import.meta.url), [JSON.stringify(setting)], {
    execArgv: ['--import', inProject('bench', 'from-source.mjs')],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const waiting: Member['waiting'] = new Map()
  process.once('exit', () => {
    for (const resolve of waiting.values()) resolve(LOST)
    waiting.clear()
  })
  const ready = new Promise<void>((resolve, reject) => {
    process.once('exit', () => reject(new Error('a process of the application ended before it was ready')))
    process.on('message', (said: Said) => {
      if (said.type === 'ready') resolve()
      else if (said.type === 'complaint') complain(said.text)
      else {
        waiting.get(said.op)?.(said.answer)
        waiting.delete(said.op)
      }
    })
  })
  await ready
  return { process, waiting }
}

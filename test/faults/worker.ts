// One of the application's processes: it serves what comes over IPC on the store that its first argument describes.
import type { Answer, Request } from './requests.ts'
import { createApplication } from './application.ts'
import { openStore } from './open-store.ts'
import type { StoreSetting } from './open-store.ts'

/** What a worker says: that it is ready, an answer, or that something happened which must not. */
export type Said =
  | { readonly type: 'ready' }
  | { readonly type: 'answer'; readonly answer: Answer; readonly op: number }
  | { readonly type: 'complaint'; readonly text: string }

const say = (said: Said): void => void process.send?.(said)
const complain = (text: string): void => say({ type: 'complaint', text })

process.on('unhandledRejection', (error) => complain(`a rejection that nobody handled: ${String(error)}`))
process.on('uncaughtException', (error) => complain(`an exception that nobody caught: ${String(error)}`))
process.on('disconnect', () => process.exit())

const setting = JSON.parse(process.argv[2] ?? '') as StoreSetting
const store = await openStore(setting)
const application = createApplication(store, { complain })
process.on('message', (request: Request) => {
  void application.serve(request).then(
    (answer) => say({ type: 'answer', op: request.op, answer }),
    (error: unknown) => complain(`serving failed: ${String(error)}`),
  )
})
say({ type: 'ready' })

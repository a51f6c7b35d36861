// One subject's server: `node server.ts <file of this folder> <store> <url> <folder>`, started with an IPC channel.
// It tells its port, answers each message with what it has used so far, and ends when its parent does.
import type { Serve, StoreName } from './serve.ts'

const [file = '', store = 'none', url = '', folder = ''] = process.argv.slice(2)
const { serve } = (await import(`./${file}.ts`)) as { serve: Serve }
const server = await serve({ store: store as StoreName, url, folder })
const address = server.address()
if (address === null || typeof address === 'string') throw new Error('the server has no port')
let requests = 0
// Counted here, because the load generator knows only of the responses that it has read.
server.on('request', () => void requests++)
process.on('message', () => process.send?.({ ...process.cpuUsage(), requests }))
process.on('disconnect', () => process.exit())
process.send?.({ listensOn: address.port })

// The older major version, installed under a name of its own; @types/express describes the newer one.
declare module 'express4' {
  import type { Express } from 'express'
  const create: () => Express
  export default create
}

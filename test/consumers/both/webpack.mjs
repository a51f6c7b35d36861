import { fileURLToPath } from 'node:url'
import webpack from 'webpack'

const path = fileURLToPath(new URL('.', import.meta.url))
const options = { target: 'node', mode: 'production', context: path, entry: './main.mjs' }
webpack({ ...options, output: { path, filename: 'webpack.cjs' } }, (error, stats) => {
  if (error !== null) throw error
  if (stats.hasErrors() || stats.hasWarnings()) throw new Error(stats.toString())
})

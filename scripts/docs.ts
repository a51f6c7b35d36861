import { apiDocs } from './lib/api-docs.ts'

process.exitCode = (await apiDocs(['--out', 'docs/api'])).code

import { readFileSync } from 'node:fs'
import { inProject } from '../../scripts/lib/project.ts'

/** A block of code in a document. */
export interface Block {
  /** Where it stands, such as `README.md:20`. */
  readonly place: string
  readonly language: string
  readonly code: string
  /** The name in the first line, `// sessions.ts`; blocks with names stand in one folder. */
  readonly file: string | undefined
  /** What a comment before it says of why it is not compiled: `<!-- not compiled: because -->`. */
  readonly reason: string | undefined
}

const FENCE = /^(?:<!-- not compiled: (.+?) -->\n+)?[ \t]*```(\S*)[^\n]*\n(.*?)^[ \t]*```[ \t]*$/gms

/** All blocks of a document. */
export function blocksOf(document: string): readonly Block[] {
  const text = readFileSync(inProject(document), 'utf8')
  return [...text.matchAll(FENCE)].map((match) => {
    const [, reason, language = '', code = ''] = match
    const line = text.slice(0, match.index + match[0].indexOf('```')).split('\n').length
    return { place: `${document}:${line}`, language, code, file: /^\/\/ (\S+\.\w+)\n/.exec(code)?.[1], reason }
  })
}

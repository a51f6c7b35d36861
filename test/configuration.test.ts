import { readFile } from 'node:fs/promises'
import prettier from 'prettier'
import { describe, expect, it } from 'vitest'
import { inProject } from '../scripts/lib/project.ts'
import { createSessions } from '../src/index.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { configuration, type Entry, type Option } from './support/configuration.ts'

const entries = configuration()
/** Where the options of `createSessions` are declared, which others take over. */
const SHARED = 'core/config.ts'

const NEEDS: Partial<Readonly<Record<Option['need'], string>>> = {
  required: '(required)',
  'in its form': '(this, or an option in its place)',
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(escaped).join(' | ')} |`)
  return lines.join('\n')
}

const escaped = (text: string): string => text.replaceAll('|', '\\|')

function code(text: string): string {
  return /^(?:'[^']*'|[\d_]+|true|false|\[\]|Date\.now)$/.test(text) ? `\`${text}\`` : text
}

function sectionOf({ specifier, exports }: Entry): string {
  const values = exports.filter(({ kind }) => kind === 'value').map(({ name, meaning }) => [`\`${name}\``, meaning])
  const types = exports.filter(({ kind }) => kind === 'type').map(({ name }) => `\`${name}\``)
  const options = exports.filter((exported) => exported.options.length > 0)
  return [
    `## ${specifier}`,
    tableOf(['export', ''], values),
    ...(types.length > 0 ? [`Types: ${types.join(', ')}.`] : []),
    ...options.map(({ name, options: all }) => `### ${name}\n\n${tableOfOptions(specifier, all)}`),
  ].join('\n\n')
}

function isShared(specifier: string, { file }: Option): boolean {
  return specifier !== 'sojourn' && file === SHARED
}

function tableOfOptions(specifier: string, all: readonly Option[]): string {
  const shared = all.filter((option) => isShared(specifier, option)).map(({ name }) => `\`${name}\``)
  const own = all.filter((option) => !isShared(specifier, option))
  const rows = own.map((option) => [
    `\`${option.name}\``,
    NEEDS[option.need] ?? code(option.default ?? ''),
    option.meaning,
  ])
  return [
    ...(own.length > 0 ? [tableOf(['option', 'default', ''], rows)] : []),
    ...(shared.length > 0 ? [`As for \`createSessions\`: ${shared.join(', ')}.`] : []),
  ].join('\n\n')
}

describe('the list of everything that can be set', () => {
  it('has a default for each option that may be left out', () => {
    const without = entries.flatMap(({ specifier, exports }) =>
      exports.flatMap(({ name, options }) =>
        options
          .filter((option) => option.need === 'optional' && !option.default && !isShared(specifier, option))
          .map((option) => `${specifier}: ${name}.${option.name} (${option.file}) has no @defaultValue`),
      ),
    )
    expect([...new Set(without)]).toEqual([])
  })

  it('names every export and every option, with its default, as the types have them', async () => {
    const path = inProject('docs/configuration.md')
    const text = await readFile(path, 'utf8')
    const made = entries.map(sectionOf).join('\n\n')
    const current = text.replace(/(<!-- made by .*? -->\n).*?(<!-- end -->)/s, (_all, head: string, end: string) => {
      return `${head}\n${made}\n\n${end}`
    })
    const formatted = await prettier.format(current, { ...(await prettier.resolveConfig(path)), parser: 'markdown' })
    await expect(formatted).toMatchFileSnapshot(path)
  })

  it('says of the limits what is in force when nothing is set', () => {
    const ofSessions = entries.find(({ specifier }) => specifier === 'sojourn')?.exports ?? []
    const said = (type: string, option: string): string | undefined =>
      ofSessions.find(({ name }) => name === type)?.options.find(({ name }) => name === option)?.default
    const policy = createSessions({ store: memoryStore() }).policy()
    const written = createSessions({
      store: memoryStore(),
      timeouts: { idle: '15m', absolute: '12h' },
      rotation: { grace: '10s' },
    }).policy()
    expect(policy).toEqual(written)
    expect(said('TimeoutOptions', 'idle')).toContain(`'15m'`)
    expect(said('TimeoutOptions', 'absolute')).toBe(`'12h'`)
    expect(said('RotationOptions', 'grace')).toBe(`'10s'`)
  })
})

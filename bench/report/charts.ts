import type { Subject } from '../subjects.ts'
import type { BarChart, Group } from './bars.ts'
import type { Answers } from './results.ts'
import type { Side } from './svg.ts'

/** The pictures of a report, by the names of their files. */
export function chartsOf(answers: Answers): Readonly<Record<string, BarChart>> {
  const charts = { cpu: cpuChart(answers), rate: rateChart(answers), memory: memoryChart(answers) }
  return Object.fromEntries(Object.entries(charts).filter(([, { groups }]) => groups.length > 0))
}

const families: Readonly<Record<string, (subject: Subject) => boolean>> = {
  'In memory, on Express': ({ framework, store }) =>
    framework === 'express' && (store === 'memory' || store === 'memorystore'),
  'In memory, on Fastify': ({ framework, store }) => framework === 'fastify' && store === 'memory',
  'In memory, on Koa': ({ framework, store }) => framework === 'koa' && store === 'memory',
  'In memory, on Hono': ({ framework, store }) => framework === 'hono' && store === 'memory',
  'SQLite, on Express': ({ store }) => store === 'sqlite',
  'Files, on Express': ({ store }) => store === 'file',
  Redis: ({ store }) => store === 'redis',
  PostgreSQL: ({ store }) => store === 'postgres',
  MariaDB: ({ store }) => store === 'mysql',
  'All in the cookie, with Sojourn in memory to compare': ({ store, name }) =>
    store === 'cookie' || name === 'sojourn-express-memory' || name === 'sojourn-h3-memory',
}

function cpuChart(answers: Answers): BarChart {
  return {
    title: 'What sessions cost: CPU per request over the bare framework, µs',
    note: 'Less is better. Each group has a scale of its own. Thin lines: lowest to highest of the rounds.',
    series: ['read', 'write'],
    groups: groupsOf(answers, families, ({ name }) => [answers.over(name, 'read'), answers.over(name, 'write')]),
  }
}

function rateChart(answers: Answers): BarChart {
  const frameworks = new Set(answers.subjects.map(({ framework }) => framework))
  const groups = Object.fromEntries(
    [...frameworks].map((name) => [`On ${name}`, ({ framework }: Subject) => framework === name] as const),
  )
  return {
    title: 'Requests a second: 90 % reads, 9 % writes, 1 % sign-ins',
    note: 'More is better. The bare framework answers without sessions. Each group has a scale of its own.',
    series: ['mix'],
    groups: groupsOf(answers, groups, ({ name, kind }) => [
      answers.of(name, kind === 'bare' ? 'anonymous' : 'mix', ({ rate }) => rate),
    ]),
  }
}

function memoryChart(answers: Answers): BarChart {
  const { memory } = answers.results
  const holds = ({ name }: Subject): boolean => memory[name] !== undefined
  return {
    title: 'Memory: bytes of heap for each of a million sessions',
    note: 'Less is better.',
    series: ['bytes'],
    groups: groupsOf(answers, { 'In memory': holds }, ({ name }) => {
      const bytes = memory[name] ?? 0
      return [{ median: bytes, low: bytes, high: bytes }]
    }),
  }
}

function groupsOf(
  { subjects }: Answers,
  kinds: Readonly<Record<string, (subject: Subject) => boolean>>,
  values: (subject: Subject) => Group['rows'][number]['values'],
): readonly Group[] {
  return Object.entries(kinds).flatMap(([title, belongs]) => {
    const members = subjects.filter(belongs)
    const isMixed = new Set(members.map(({ framework }) => framework)).size > 1
    const labelOf = ({ label, framework }: Subject): string => (isMixed ? `${label} · ${framework}` : label)
    const rows = members
      .map((subject) => ({ label: labelOf(subject), side: sideOf(subject), values: values(subject) }))
      .filter((row) => row.values.some((value) => value !== undefined))
    return rows.length < 2 ? [] : [{ title, rows }]
  })
}

function sideOf({ kind }: Subject): Side {
  return kind === 'sojourn' ? 'mine' : kind
}

import { routes } from '../lib/load.ts'
import type { Subject } from '../subjects.ts'
import type { Answers } from './results.ts'
import { short, spread, table } from './table.ts'
import { isMet, verdictsOf } from './targets.ts'

/** A titled part of the report, in Markdown. */
export interface Section {
  readonly title: string
  readonly text: string
}

/** All tables of a benchmark. */
export function sectionsOf(answers: Answers): readonly Section[] {
  return [
    targets(answers),
    cpu(answers),
    rates(answers),
    latencies(answers),
    traffic(answers),
    weights(answers),
    manners(answers),
  ].filter(({ text }) => text !== '')
}

function named({ label, framework, kind }: Subject): string {
  if (kind === 'bare') return label
  return `${kind === 'sojourn' ? `**${label}**` : label} · ${framework}`
}

function withSessions({ subjects }: Answers): readonly Subject[] {
  return subjects.filter(({ kind }) => kind !== 'bare')
}

function targets(answers: Answers): Section {
  const rows = verdictsOf(answers).map((verdict) => [
    verdict.goal,
    short(verdict.limit),
    short(verdict.found),
    verdict.unit,
    isMet(verdict) ? 'met' : '**missed**',
  ])
  const text = rows.length === 0 ? '' : table(['goal', 'at most', 'found', 'unit', ''], rows)
  return { title: 'Goals', text }
}

function cpu(answers: Answers): Section {
  const rows = answers.subjects.map((subject) =>
    subject.kind === 'bare'
      ? [named(subject), `${spread(answers.of(subject.name, 'anonymous', ({ cpu }) => cpu))} in all`]
      : [named(subject), ...routes.map((route) => spread(answers.over(subject.name, route)))],
  )
  return { title: 'CPU per request over the bare framework, µs', text: table(['', ...routes], rows) }
}

function rates(answers: Answers): Section {
  const rows = answers.subjects.map((subject) => [
    named(subject),
    ...routes.map((route) => spread(answers.of(subject.name, route, ({ rate }) => rate))),
  ])
  return { title: 'Requests a second, 32 connections', text: table(['', ...routes], rows) }
}

function latencies(answers: Answers): Section {
  const ms = (value: number | undefined): number | undefined => (value === undefined ? undefined : value / 1000)
  const rows = answers.subjects.map((subject) => {
    const { name } = subject
    const route = subject.kind === 'bare' ? 'anonymous' : 'read'
    return [
      named(subject),
      spread(answers.of(name, route, ({ p50 }) => ms(p50))),
      spread(answers.of(name, route, ({ p99 }) => ms(p99))),
      spread(answers.of(name, 'mix', ({ p50 }) => ms(p50))),
      spread(answers.of(name, 'mix', ({ p99 }) => ms(p99))),
      spread(answers.whole(name, ({ busy }) => ms(busy))),
    ]
  })
  const head = ['', 'read p50', 'read p99', 'mix p50', 'mix p99', 'read p99 at 80 %']
  return { title: 'Latency, ms', text: table(head, rows) }
}

function traffic(answers: Answers): Section {
  const rows = withSessions(answers).map((subject) => {
    const { name } = subject
    const alone = (['read', 'write', 'login'] as const).map((route) =>
      spread(answers.whole(name, (round) => round.alone[route])),
    )
    return [
      named(subject),
      alone.join(' / '),
      (['read', 'write', 'login'] as const)
        .map((route) => spread(answers.of(name, route, ({ trips }) => trips)))
        .join(' / '),
      (['anonymous', 'read', 'write', 'login'] as const)
        .map((route) => spread(answers.of(name, route, ({ bytes }) => bytes)))
        .join(' / '),
      spread(answers.whole(name, ({ manners }) => manners?.cookieBytes)),
    ]
  })
  const head = [
    '',
    'round trips, one at a time: read / write / login',
    'round trips under load: read / write / login',
    'bytes of a response: anonymous / read / write / login',
    'bytes of the cookie',
  ]
  return { title: 'Store round trips per request, and bytes on the wire', text: table(head, rows) }
}

function weights(answers: Answers): Section {
  const { weights, memory } = answers.results
  const rows = withSessions(answers).map((subject) => {
    const weight = weights[subject.name]
    const bytes = memory[subject.name]
    return [
      named(subject),
      spread(answers.startup(subject.name)),
      weight === undefined ? '–' : String(weight.packages),
      weight === undefined ? '–' : `${Math.round(weight.bytes / 1000)}`,
      bytes === undefined ? '–' : String(Math.round(bytes)),
    ]
  })
  const head = ['', 'start-up over bare, ms', 'packages', 'kB installed', 'bytes of heap per session']
  return { title: 'Start-up, install weight, memory', text: table(head, rows) }
}

function manners(answers: Answers): Section {
  const told = (name: string, pick: 'marksVisitors' | 'repeatsCookie' | 'endsOldCookie'): string => {
    const figure = answers.whole(name, ({ manners }) => (manners === undefined ? undefined : Number(manners[pick])))
    return figure === undefined ? '–' : figure.median === 1 ? 'yes' : 'no'
  }
  const rows = withSessions(answers).map((subject) => [
    named(subject),
    told(subject.name, 'marksVisitors'),
    told(subject.name, 'repeatsCookie'),
    told(subject.name, 'endsOldCookie'),
  ])
  const head = ['', 'cookie on a visit that keeps nothing', 'cookie on every read', 'sign-in ends the old cookie']
  return { title: 'What the checks before the runs saw', text: table(head, rows) }
}

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { barChart } from './bars.ts'
import { chartsOf } from './charts.ts'
import type { Answers, Results } from './results.ts'
import { answersOf } from './results.ts'
import type { themes } from './svg.ts'
import { sectionsOf } from './tables.ts'

const here = fileURLToPath(new URL('..', import.meta.url))

/** Writes RESULTS.md and its pictures. */
export async function writeReport(results: Results): Promise<void> {
  const answers = answersOf(results)
  const charts = chartsOf(answers)
  for (const [name, chart] of Object.entries(charts)) {
    writePictures(name, { light: barChart(chart, 'light'), dark: barChart(chart, 'dark') })
  }
  await writePage('RESULTS.md', pageOf(answers, Object.keys(charts)))
}

/** Writes a picture for pages of each kind, below `charts`. */
export function writePictures(name: string, pictures: Readonly<Record<keyof typeof themes, string>>): void {
  mkdirSync(join(here, 'charts'), { recursive: true })
  for (const [theme, text] of Object.entries(pictures))
    writeFileSync(join(here, 'charts', `${name}-${theme}.svg`), text)
}

/** Writes a Markdown file as prettier would have it. */
export async function writePage(name: string, text: string): Promise<void> {
  const path = join(here, name)
  writeFileSync(path, await format(text, { ...(await resolveConfig(path)), filepath: path }))
  console.error(`written: bench/${name}`)
}

/** A picture in Markdown that follows the reader's choice of light or dark. */
export function pictureTag(name: string, alternative: string): string {
  return [
    '<picture>',
    `  <source media="(prefers-color-scheme: dark)" srcset="charts/${name}-dark.svg">`,
    `  <img src="charts/${name}-light.svg" alt="${alternative}">`,
    '</picture>',
  ].join('\n')
}

const ALTERNATIVES: Readonly<Record<string, string>> = {
  cpu: 'CPU per request over the bare framework',
  rate: 'Requests a second',
  memory: 'Bytes of heap per session',
}

function pageOf(answers: Answers, charts: readonly string[]): string {
  const { results } = answers
  const versions = Object.entries(results.versions).map(([name, version]) => `${name} ${version}`)
  return [
    '# Results of the benchmark',
    'Made by `npm run bench`; [README.md](README.md) says what is measured and how.',
    [
      `- ${results.date}, ${results.machine}, ${results.system}, Node ${results.node}`,
      `- ${results.cores}`,
      `- ${results.settings}; medians, with lowest…highest of the rounds`,
      `- ${versions.join(', ')}`,
    ].join('\n'),
    ...charts.map((name) => pictureTag(name, ALTERNATIVES[name] ?? name)),
    ...sectionsOf(answers).flatMap(({ title, text }) => [`## ${title}`, text]),
    ...missingOf(results),
  ].join('\n\n')
}

function missingOf({ missing }: Results): string[] {
  return missing.length === 0 ? [] : ['## Not measured', missing.map((reason) => `- ${reason}`).join('\n')]
}

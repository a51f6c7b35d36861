import type { Report } from './campaign.ts'

const SHOWN = 20

/** The figures of a campaign for people. */
export function wordsOf(report: Report): string {
  const { store, versions, seed, tally, findings, faults, milliseconds, windows } = report
  const seconds = (time: number): string => `${(time / 1000).toFixed(1)} s`
  const kinds = new Map<string, number>()
  for (const { kind } of findings) kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  return [
    `${store}: ${findings.length} findings (seed ${seed}; ${versions.join(', ')})`,
    `  ${tally.operations} operations by ${report.visitors} visitors on ${report.processes} processes: ` +
      `${tally.done} done, ${tally.refused} refused, ${tally.unknown} without an answer ` +
      `(${tally.happenedAllTheSame} of these seen to have happened)`,
    `  acknowledged: ${listed(tally.acknowledged)}`,
    `  faults: ${listed(faults)}`,
    `  ${tally.tokens} tokens given out, ${tally.comparisons} comparisons; sent twice, and the first arrived late: ` +
      `${tally.orphans} sign-ins left a session that nobody holds, ${tally.endedLate} sessions ended by it`,
    ...(windows.length > 0
      ? [
          `  ${windows.length} windows of announced loss, ${tally.inWindow} operations acknowledged in them, ` +
            `${tally.lostInWindow} of these lost`,
        ]
      : []),
    `  load ${seconds(milliseconds.load)}, audit ${seconds(milliseconds.audit)}, check ${seconds(milliseconds.check)}`,
    ...report.limitations.map((limitation) => `  limitation: ${limitation}`),
    ...(kinds.size > 0 ? [`  FOUND: ${listed(kinds)}`] : []),
    ...findings.slice(0, SHOWN).map(({ kind, op, detail }) => `    ${kind}, operation ${op}: ${detail}`),
  ].join('\n')
}

function listed(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')
}

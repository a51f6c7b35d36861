/** What a visitor's session must show. */
export interface Contents {
  /** The name of the user who is signed in. */
  readonly reader: string | undefined
  readonly count: number
  /** Quantity by product. */
  readonly cart: Readonly<Record<string, number>>
  /** Messages that wait for the next page. */
  readonly notices: number
}

/** What a cookie opens; undefined when it opens nothing. */
export type Found = Contents | undefined

/** One write of the application. */
export type Change = (before: Contents) => Found

/** A request as the application carries it out: its writes in their order. */
export type Deed = readonly Change[]

/** A cookie that the application has given out, and what it must open. */
export interface Entry {
  readonly cookie: string
  /** As acknowledged. */
  known: Found
  /** Requests that were never answered: each may have come to nothing, to its end, or to any write in between. */
  doubts: Deed[]
}

export type FindingKind =
  | 'sign-in lost'
  | 'session lost'
  | 'revived'
  | 'someone else'
  | 'count lost'
  | 'cart lost'
  | 'notice lost'
  | 'too much'
  | 'half ended'
  | 'refused'
  | 'not served'
  | 'damaged'

/** Something that must not happen. */
export interface Finding {
  readonly round: number
  readonly kind: FindingKind
  readonly detail: string
}

/** All that was acknowledged. */
export interface Ledger {
  round: number
  readonly findings: readonly Finding[]
  /** How many deeds of each name were acknowledged. */
  readonly acknowledged: ReadonlyMap<string, number>
  /** How many were under way when the application was killed. */
  doubted(): number
  /** A new cookie has arrived. */
  add(cookie: string, contents: Contents): Entry
  /** Before the request is sent: from here on it may have happened. Call the answer when the response has arrived. */
  begin(name: string, deeds: readonly (readonly [Entry, Deed])[]): () => void
  /** Compares with what a page has shown, and goes on with that. */
  compare(entry: Entry, found: Found): void
  /** After the comparison of all that is due: what had to end as one has ended as one. */
  compareGroups(): void
  report(kind: FindingKind, detail: string): void
  /** What has changed since the last call, and a few of all the others. */
  due(others: number, random: () => number): readonly Entry[]
  all(): readonly Entry[]
}

export function createLedger(): Ledger {
  const entries: Entry[] = []
  const changed = new Set<Entry>()
  const findings: Finding[] = []
  const acknowledged = new Map<string, number>()
  const groups = new Set<readonly Entry[]>()
  let doubted = 0
  const ledger: Ledger = {
    round: 0,
    findings,
    acknowledged,
    doubted: () => doubted,
    add(cookie, contents) {
      const entry = { cookie, known: contents, doubts: [] }
      entries.push(entry)
      changed.add(entry)
      return entry
    },
    begin(name, deeds) {
      doubted++
      for (const [entry, deed] of deeds) {
        entry.doubts.push(deed)
        changed.add(entry)
      }
      const [, ...others] = deeds.map(([entry]) => entry)
      groups.add(others)
      return () => {
        doubted--
        groups.delete(others)
        acknowledged.set(name, (acknowledged.get(name) ?? 0) + 1)
        for (const [entry, deed] of deeds) settle(entry, deed)
      }
    },
    compare(entry, found) {
      const outcomes = possible(entry)
      if (!outcomes.some((outcome) => textOf(outcome) === textOf(found))) {
        const detail = `${textOf(found)} instead of ${[...new Set(outcomes.map(textOf))].join(' or ')}`
        for (const kind of kindsOf(entry.known, found)) ledger.report(kind, detail)
      }
      entry.known = found && { ...found, notices: 0 }
      entry.doubts = []
    },
    compareGroups() {
      for (const group of groups) {
        const living = group.filter(({ known }) => known !== undefined).length
        if (living > 0 && living < group.length) {
          ledger.report('half ended', `${living} of ${group.length} sessions live that were to end together`)
        }
      }
      groups.clear()
    },
    report: (kind, detail) => void findings.push({ round: ledger.round, kind, detail }),
    due(others, random) {
      const due = new Set(changed)
      changed.clear()
      for (let pick = 0; pick < others && entries.length > 0; pick++) {
        due.add(entries[Math.floor(random() * entries.length)]!)
      }
      return [...due]
    },
    all: () => entries,
  }
  return ledger
}

function settle(entry: Entry, deed: Deed): void {
  entry.doubts.splice(entry.doubts.indexOf(deed), 1)
  entry.known = stagesFrom(entry.known, deed).at(-1)
}

/** Everything that the cookie may open. Deeds that one visitor has under way at once can be done in any order. */
export function possible({ known, doubts }: Pick<Entry, 'known' | 'doubts'>): readonly Found[] {
  let outcomes: readonly Found[] = [known]
  for (const deed of doubts) outcomes = outcomes.flatMap((outcome) => stagesFrom(outcome, deed))
  return outcomes
}

function stagesFrom(start: Found, deed: Deed): readonly Found[] {
  const stages: Found[] = [start]
  for (const change of deed) {
    const before = stages.at(-1)
    stages.push(before && change(before))
  }
  return stages
}

function textOf(found: Found): string {
  if (found === undefined) return 'nothing'
  const cart = Object.fromEntries(Object.entries(found.cart).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  return JSON.stringify({ reader: found.reader ?? null, count: found.count, cart, notices: found.notices })
}

function kindsOf(known: Found, found: Found): readonly FindingKind[] {
  if (known === undefined) return ['revived']
  if (found === undefined) return [known.reader === undefined ? 'session lost' : 'sign-in lost']
  if (found.reader !== known.reader) return ['someone else']
  const isCartLess = Object.entries(known.cart).some(([id, quantity]) => (found.cart[id] ?? 0) < quantity)
  const lost: readonly FindingKind[] = [
    ...(found.count < known.count ? (['count lost'] as const) : []),
    ...(isCartLess ? (['cart lost'] as const) : []),
    ...(found.notices < known.notices ? (['notice lost'] as const) : []),
  ]
  return lost.length === 0 ? ['too much'] : lost
}

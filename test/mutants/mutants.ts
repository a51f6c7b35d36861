import type { Mutant } from './mutant.ts'

/** Protections, each taken out by one change; `npm run mutants` shows that a test of its row notices. */
export const mutants: readonly Mutant[] = [
  ...inFile('src/core/token.ts', [
    ['ASVS5-7.2.3', 'tokens of 8 random bytes', 'const RANDOM_BYTES = 32', 'const RANDOM_BYTES = 8'],
    ['VULN-25', 'a generator that gives zeros is believed', 'bytes.every((byte) => byte === 0)', 'false'],
    ['VULN-17', 'any signature passes', 'index < 0 ? undefined', 'false ? undefined'],
    ['ASVS5-11.2.2', 'the oldest secret signs', "keys[0] ?? utf8('')", "keys.at(-1) ?? utf8('')"],
    ['ASVS5-11.2.4', 'signatures are compared letter by letter', 'equalBytes(presented,', 'sameBytes(presented,'],
    ['DOS-12', 'a token may have any characters', 'const SHAPE = /^[A-Za-z0-9_-]+$/', 'const SHAPE = /^[^]+$/'],
    ['DOS-11', 'a token may be of any length', 'text.length === TOKEN_LENGTH && SHAPE', 'SHAPE'],
    [
      'CS-4',
      'what is longer than a token is one',
      'text.length === TOKEN_LENGTH && SHAPE',
      'text.length >= TOKEN_LENGTH && SHAPE',
    ],
  ]),
  ...inFile('src/core/key.ts', [
    ['VULN-21', 'the namespace is not part of the key', 'sojourn:key:${namespace}\\0${token}', 'sojourn:key:${token}'],
  ]),
  ...inFile('src/core/engine/open.ts', [
    ['VULN-31', 'the token of a fallback counts beside a cookie', 'carrier.isFallback && showsCookie', 'false'],
    ['NIST-5.2-1', 'limits made shorter do not hold', 'if (isExpired(', 'if (false && isExpired('],
    ['CS-11', 'a bound session opens elsewhere', 'if (!isBoundHere(', 'if (false && !isBoundHere('],
    [
      'STORE-1',
      'a store that fails makes anonymous visitors',
      "config.onStoreError !== 'anonymous' || !isOutage(error)",
      '!isOutage(error)',
    ],
  ]),
  ...inFile('src/core/engine/guard.ts', [
    ['STORE-4', 'a store may take for ever', 'const cancel = later(timeout,', 'const cancel = later(timeout * 1000,'],
    ['STORE-6', 'an update whose answer was lost is done again', "['update', 'clear',", "['clear',"],
  ]),
  ...inFile('src/core/engine/replace.ts', [
    [
      'ASVS5-7.3.2',
      'a rotation begins the absolute limit anew',
      '...live.record,\n            meta: {\n              ...live.meta,\n              rotatedAt: now,\n              marks',
      '...live.record,\n            createdAt: now,\n            meta: {\n              ...live.meta,\n              rotatedAt: now,\n              marks',
    ],
  ]),
  ...inFile('src/core/engine/end.ts', [
    [
      'VULN-8',
      'a session that was ended leaves no mark',
      "return { state: 'dead', expiresAt: now + DEAD_MARK_TIME }",
      "return { state: 'dead', expiresAt: now }",
    ],
    [
      'ASVS5-7.4.1',
      'a sign-out clears the cookie only',
      'let end = await endByKey(state)',
      "let end = 'none' as 'none' | 'ended' | 'superseded'",
    ],
  ]),
  ...inFile('src/core/engine/touch.ts', [
    [
      'COOKIE-13',
      'a token is handed out unseen',
      "if (entry?.state !== 'live') await relocate",
      'if (false) await relocate',
    ],
    [
      'DOS-19',
      'each request writes down its use',
      'isTouchDue(engine.config.policy, live.record, live.meta, engine.config.now())',
      'true',
    ],
  ]),
  ...inFile('src/core/engine/update.ts', [
    [
      'RACE-1',
      'a conflict overwrites',
      'const paths = state.document.rebase(current.record.data)',
      'const paths: string[] = []',
    ],
    [
      'DOS-18',
      'each save that has lost merges for itself',
      'live === undefined || isolatesRequests) return result',
      'live === undefined || result) return result',
    ],
  ]),
  ...inFile('src/core/policy.ts', [
    ['ASVS5-7.3.1', 'nothing ends by idling', 'Math.min(now + idleOf', 'Math.min(Infinity + idleOf'],
    [
      'ASVS5-7.6.1',
      'an end of its own is not kept',
      'Math.min(span.createdAt + (span.lifetime ?? policy.absolute), span.until ?? Infinity)',
      'span.createdAt + (span.lifetime ?? policy.absolute)',
    ],
  ]),
  ...inFile('src/core/record.ts', [
    [
      'ASVS5-7.5.3',
      'any fresh factor counts for any',
      'authentication.shownAt[authentication.factors.indexOf(factor)]',
      'authentication.at',
    ],
    [
      'ASVS5-7.5.1',
      'an old authentication is fresh',
      'return at !== undefined && at >= since',
      'return at !== undefined',
    ],
    [
      'ASVS5-16.2.5',
      'events name sessions by their handles',
      'sha256(`sojourn:reference:${handle}`).slice(0, 12)',
      'handle',
    ],
    ['STORE-14', 'records of a newer version are read', "value['v'] !== VERSION", 'false'],
  ]),
  ...inFile('src/core/subjects.ts', [
    [
      'ASVS5-7.4.3',
      'the session that stays keeps its token',
      "(await except.rotate({ grace: '0s' })) === 'rotated'",
      'true',
    ],
  ]),
  ...inFile('src/core/web/cookie.ts', [
    [
      'COOKIE-5',
      '__Host- with a domain is sent',
      'assertOption(domain === undefined, `cookie.domain: cannot',
      'assertOption(true, `cookie.domain: cannot',
    ],
    ['COOKIE-7', 'a misspelt prefix passes', 'PREFIX.test(name) || !PREFIX_LIKE.test(name)', 'true'],
    [
      'COOKIE-3',
      'cookies live longer than browsers allow',
      'MAX_COOKIE_AGE = 34_560_000',
      'MAX_COOKIE_AGE = 99_999_999',
    ],
    [
      'VULN-26',
      'a path may hold a semicolon',
      'const PATH = /^\\/[\\x21-\\x2B\\x2D-\\x3A\\x3C-\\x7E]*$/',
      'const PATH = /^\\/.*$/',
    ],
    ['DOS-10', 'a header of any number of cookies is read', 'const MAX_PAIRS = 1000', 'const MAX_PAIRS = Infinity'],
    [
      'VULN-28',
      'names are compared without regard to case',
      'if (!header.startsWith(name, nameStart)) return undefined',
      'if (!header.toLowerCase().startsWith(name.toLowerCase(), nameStart)) return undefined',
    ],
    ['COOKIE-15', 'Expires is an ISO date', 'return date.toUTCString()', 'return date.toISOString()'],
    ['COOKIE-12', 'Partitioned without Secure', 'assertOption(partitioned !== true,', 'assertOption(true,'],
  ]),
  ...inFile('src/core/web/cookie-carrier.ts', [
    [
      'ASVS5-3.3.4',
      'scripts can read the cookie',
      "value: '', secure: true, httpOnly: true",
      "value: '', secure: true, httpOnly: false",
    ],
    [
      'ASVS5-3.3.1',
      'plain http in production',
      'const isRefused = isPlain && isProduction()',
      'const isRefused = false',
    ],
    [
      'COOKIE-14',
      'clearing forgets the attributes',
      'serializeCookie({ ...identity, maxAge: 0, expires: 0 })',
      "serializeCookie({ ...identity, path: '/nowhere', name: withoutPrefix(identity.name), maxAge: 0, expires: 0 })",
    ],
    ['VULN-27', '__proto__ is an option', "key !== '__proto__' && value", 'value'],
    ['NIST-5.1-7', 'every cookie outlives the browser', 'persistent = false', 'persistent = true'],
  ]),
  ...inFile('src/core/web/cache-headers.ts', [
    [
      'VULN-12',
      'the application decides what caches may keep',
      "return [PRIVATE, ...HARMLESS.filter((name) => names.has(name))].join(', ')",
      'return existing',
    ],
  ]),
  ...inFile('src/core/data/codec.ts', [
    ['DOS-7', 'any depth is taken', 'if (depth >= rules.depth)', 'if (false)'],
    ['DOS-8', 'any number of keys is taken', 'if (keys.length > rules.keys)', 'if (false)'],
    ['DOS-9', 'a stored __proto__ is read', "if (key !== '__proto__') return value", 'if (true) return value'],
  ]),
  ...inFile('src/core/events.ts', [
    ['VULN-10', 'a listener that throws stops the engine', 'report(error)\n        }', 'throw error\n        }'],
    [
      'ASVS5-16.5.4',
      'a listener that rejects ends the process',
      'if (result instanceof Promise) result.catch(report)',
      '',
    ],
  ]),
  ...inFile('src/csrf.ts', [
    [
      'ASVS5-3.5.1',
      'requests of other sites pass',
      "site !== 'same-origin' && site !== 'none'",
      "site === '' && site !== 'none'",
    ],
    ['VULN-32', 'an empty secret is one', 'secret === undefined || secret.length === 0', 'secret === undefined'],
  ]),
]

type Row = readonly [row: string, fault: string, from: string, to: string]

function inFile(file: string, rows: readonly Row[]): readonly Mutant[] {
  return rows.map(([row, fault, from, to]) => ({ row, fault, file, from, to }))
}

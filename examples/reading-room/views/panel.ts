import type { Policy } from 'sojourn'
import type { VisitSession } from '../sessions.ts'
import { span } from './format.ts'
import type { Html } from './html.ts'
import { html } from './html.ts'

/** Shows, at the foot of each page, what the session layer has done for this request. */
export function panel(session: VisitSession, policy: Policy): Html {
  const data = JSON.stringify(session.data, undefined, 2)
  return html`<section class="panel" aria-labelledby="panel-title">
    <h2 id="panel-title">What the session layer did for this request</h2>
    <dl class="figures">
      ${figure('Store reads', session.activity.reads, session.activity.reads === 0 ? 'Nothing to look up.' : undefined)}
      ${figure('Store writes', session.activity.writes, 'So far. What changed is saved before the first byte leaves.')}
      ${figure('Cookie', ...cookieFate(session))} ${figure('Session', session.reference ?? 'none', owner(session))}
      ${figure('Limits', span(session.subject === undefined ? policy.anonymous : policy.idle), `when unused; ${span(policy.absolute)} in all.`)}
    </dl>
    <details>
      <summary>Your data, as the server holds it <span class="soft">(${data.length} characters)</span></summary>
      <pre tabindex="0">${data}</pre>
    </details>
  </section>`
}

function figure(name: string, value: string | number, remark?: string): Html {
  return html`<div>
    <dt>${name}</dt>
    <dd>
      <strong>${value}</strong>
      ${remark !== undefined && html`<span>${remark}</span>`}
    </dd>
  </div>`
}

function cookieFate(session: VisitSession): [string, string] {
  if (!session.isStarted) return ['none', 'There is nothing to remember yet.']
  if (session.isNew) return ['new', 'Sent with this page: a session has just begun.']
  return ['known', 'The browser showed it; it is not sent again.']
}

function owner(session: VisitSession): string {
  if (!session.isStarted) return 'No record is kept.'
  return session.subject === undefined
    ? 'Name for logs; opens nothing. Not signed in.'
    : 'Name for logs; opens nothing. Signed in.'
}

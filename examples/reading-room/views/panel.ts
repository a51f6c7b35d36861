import type { Policy } from 'sojourn'
import type { VisitSession } from '../sessions.ts'
import { plural, span } from './format.ts'
import type { Html } from './html.ts'
import { html } from './html.ts'

/** Shows, at the foot of each page, what the session layer has done for this request. */
export function panel(session: VisitSession, policy: Policy): Html {
  const { reads, writes } = session.activity
  const data = JSON.stringify(session.data, undefined, 2)
  const idle = session.subject === undefined ? policy.anonymous : policy.idle
  return html`<section class="panel" aria-labelledby="panel-title">
    <h2 id="panel-title">What the session layer did for this request</h2>
    <dl class="figures">
      ${figure('Store reads', reads, reads === 0 ? 'There was nothing to look up.' : 'To find what the cookie stands for.')}
      ${figure('Store writes', writes, writes === 0 ? 'Nothing has changed.' : 'Done before this page left the server.')}
      ${figure('Cookie', ...fateOfCookie(session))} ${figure('Session', ...nameOf(session))}
      ${figure('Limits', span(idle), `without a click, and ${span(policy.absolute)} in all.`)}
    </dl>
    <p class="remark">
      That you were here is noted at most once in ${span(policy.touchEvery)}, by one more write that is not counted
      here.
    </p>
    <details>
      <summary>
        Your data, as the server holds it <span class="soft">(${plural(data.length, 'character')})</span>
      </summary>
      <pre tabindex="0">${data}</pre>
    </details>
  </section>`
}

function figure(name: string, value: string | number, remark: string): Html {
  return html`<div>
    <dt>${name}</dt>
    <dd>
      <strong>${value}</strong>
      <span>${remark}</span>
    </dd>
  </div>`
}

function fateOfCookie(session: VisitSession): [value: string, remark: string] {
  if (session.isStarted) {
    return session.isNew
      ? ['set', 'This page brings it: a session has just begun.']
      : ['known', 'Your browser showed it; it is not sent again.']
  }
  return session.activity.reads === 0
    ? ['none', 'There is nothing to remember yet.']
    : ['void', 'The one your browser showed opens nothing.']
}

function nameOf(session: VisitSession): [value: string, remark: string] {
  if (session.reference === undefined || !session.isStarted) return ['none', 'No record is kept.']
  const user = session.subject === undefined ? 'Not signed in.' : `Signed in as user ${session.subject}.`
  return [session.reference, `Its name in logs; opens nothing. ${user}`]
}

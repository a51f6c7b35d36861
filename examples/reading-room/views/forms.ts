import type { Html } from './html.ts'
import { html } from './html.ts'

/** What is wrong with a form, by the name of the field. */
export type Problems = Readonly<Record<string, string>>

export interface Field {
  readonly name: string
  readonly label: string
  readonly value?: string
  readonly hint?: string
  readonly type?: 'text' | 'email' | 'password' | 'number'
  /** What a browser may fill in, such as `email`. */
  readonly autocomplete?: string
  readonly inputmode?: 'numeric' | 'email' | 'text'
  readonly maxlength?: number
  readonly isOptional?: boolean
  readonly rows?: number
  readonly suggestions?: readonly string[]
}

/** A label with its input, hint and problem, tied together for those who hear the page. */
export function field(options: Field, problems: Problems = {}): Html {
  const { name, label, hint } = options
  const problem = problems[name]
  return html`<div class="field">
    <label for="${name}">${label}${options.isOptional === true && html` <span class="soft">(optional)</span>`}</label>
    ${hint !== undefined && html`<p class="hint" id="${name}-hint">${hint}</p>`}
    ${problem !== undefined && html`<p class="problem" id="${name}-problem">${problem}</p>`}
    ${options.rows === undefined ? input(options, problem) : textarea(options, problem)}
    ${
      options.suggestions !== undefined &&
      html`<datalist id="${name}-list">${options.suggestions.map((text) => html`<option>${text}</option>`)}</datalist>`
    }
  </div>`
}

function input(options: Field, problem: string | undefined): Html {
  return html`<input
    type="${options.type ?? 'text'}"
    ${common(options, problem)}
    ${options.type !== 'password' && html` value="${options.value ?? ''}"`}
    ${options.inputmode !== undefined && html` inputmode="${options.inputmode}"`}
    ${options.suggestions !== undefined && html` list="${options.name}-list"`}
  />`
}

function textarea(options: Field, problem: string | undefined): Html {
  // The line end after the tag belongs to HTML; without it a text's own first empty line would be lost.
  return html`<textarea rows="${options.rows}" ${common(options, problem)}>${options.value ?? ''}</textarea>`
}

function common({ name, hint, ...options }: Field, problem: string | undefined): Html {
  const described = [hint !== undefined && `${name}-hint`, problem !== undefined && `${name}-problem`].filter(Boolean)
  return html`id="${name}" name="${name}"
  ${options.autocomplete !== undefined && html` autocomplete="${options.autocomplete}"`}
  ${options.maxlength !== undefined && html` maxlength="${options.maxlength}"`}
  ${options.isOptional !== true && html` required`} ${problem !== undefined && html` aria-invalid="true"`}
  ${described.length > 0 && html` aria-describedby="${described.join(' ')}"`}`
}

/** Says above a form what must be mended, with a link to each field. */
export function problemList(problems: Problems): Html | undefined {
  const entries = Object.entries(problems)
  if (entries.length === 0) return undefined
  return html`<div class="notice notice-bad" role="alert">
    <p><strong>Please have another look:</strong></p>
    <ul>
      ${entries.map(([name, problem]) => html`<li><a href="#${name}">${problem}</a></li>`)}
    </ul>
  </div>`
}

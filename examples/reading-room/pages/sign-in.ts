import type { Request, Response } from 'express'
import { Router } from 'express'
import { safePath } from 'sojourn'
import type { User } from '../database/users.ts'
import { addUser, userOf, userWithPassword } from '../database/users.ts'
import type { Room } from '../room.ts'
import { keptAtSignIn } from '../sessions.ts'
import type { Field, Problems } from '../views/forms.ts'
import { field, problemList } from '../views/forms.ts'
import { html } from '../views/html.ts'
import { limitAttempts } from './attempts.ts'
import { formToken } from './csrf.ts'
import { lineIn, rawIn } from './input.ts'
import { withNext } from './paths.ts'
import { show } from './show.ts'
import { deviceName } from './user-agent.ts'

/** Who is signed in. When nobody is, the visitor is on the way to the sign-in page and the answer is undefined. */
export function userFrom(room: Room, req: Request, res: Response): User | undefined {
  const user = userOf(room.db, room.sessionOf(req).subject)
  if (user === undefined) res.redirect(303, withNext('/sign-in', req.method === 'GET' ? req.originalUrl : '/'))
  return user
}

export function signInPages(room: Room): Router {
  const router = Router()
  router.get('/sign-in', (req, res) => showSignIn(room, req, res))
  router.post('/sign-in', ...limitAttempts(room), (req, res) => signIn(room, req, res))
  router.get('/sign-up', (req, res) => showSignUp(room, req, res))
  router.post('/sign-up', (req, res) => signUp(room, req, res))
  router.post('/sign-out', async (req, res) => {
    const session = room.sessionOf(req)
    await session.logout()
    session.flash('good', 'You are signed out.')
    res.redirect(303, '/')
  })
  return router
}

async function signIn(room: Room, req: Request, res: Response): Promise<void> {
  const email = lineIn(req, 'email')
  const user = await userWithPassword(room.db, email, rawIn(req, 'password'))
  if (user === undefined) {
    return showSignIn(room, req, res, { email: 'This address and password do not belong together.' })
  }
  await welcome(room, req, res, user, `Welcome back, ${user.name}.`)
}

async function signUp(room: Room, req: Request, res: Response): Promise<void> {
  const name = lineIn(req, 'name', 60)
  const email = lineIn(req, 'email')
  const password = rawIn(req, 'password')
  const problems: Problems = {
    ...(name === '' && { name: 'Tell us what to call you.' }),
    ...(!/^[^\s@]+@[^\s@]+$/.test(email) && { email: 'This does not look like an e-mail address.' }),
    ...(password.length < 10 && { password: 'A password has at least 10 characters.' }),
    ...(password.length > 200 && { password: 'A password has at most 200 characters.' }),
  }
  if (Object.keys(problems).length > 0) return showSignUp(room, req, res, problems)
  const user = await addUser(room.db, { name, email, password })
  if (user === undefined) {
    return showSignUp(room, req, res, { email: 'This address has an account already. Sign in instead.' })
  }
  await welcome(room, req, res, user, `Welcome, ${user.name}.`)
}

/** Signs the user in: the session gets a new token, and the old one is dead from then on. */
async function welcome(room: Room, req: Request, res: Response, user: User, greeting: string): Promise<void> {
  const session = room.sessionOf(req)
  // What another user of this browser left behind is not carried over.
  const keep = session.subject === undefined ? keptAtSignIn : []
  await session.login(String(user.id), { keep, label: deviceName(req.get('user-agent')), factors: ['password'] })
  session.flash('good', greeting)
  res.redirect(303, safePath(req.query['next']))
}

const emailField: Field = {
  name: 'email',
  label: 'E-mail address',
  type: 'email',
  autocomplete: 'username',
  maxlength: 200,
}

async function showSignIn(room: Room, req: Request, res: Response, problems: Problems = {}): Promise<void> {
  const next = safePath(req.query['next'])
  await show(room, req, res, {
    title: 'Sign in',
    status: Object.keys(problems).length > 0 ? 422 : 200,
    main: html`<div class="sheet sheet-small">
      <h1>Sign in</h1>
      <p class="soft">Your cart stays with you.</p>
      ${problemList(problems)}
      <form class="form" method="post" action="${withNext('/sign-in', next)}" novalidate>
        ${formToken(room, req)} ${field({ ...emailField, value: lineIn(req, 'email') }, problems)}
        ${field({ name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password' })}
        <p class="actions"><button class="button">Sign in</button></p>
      </form>
      <p>New here? <a href="${withNext('/sign-up', next)}">Make an account</a></p>
    </div>`,
  })
}

async function showSignUp(room: Room, req: Request, res: Response, problems: Problems = {}): Promise<void> {
  const next = safePath(req.query['next'])
  const password: Field = {
    name: 'password',
    label: 'Password',
    type: 'password',
    autocomplete: 'new-password',
    hint: 'At least 10 characters. Any will do.',
  }
  await show(room, req, res, {
    title: 'Make an account',
    status: Object.keys(problems).length > 0 ? 422 : 200,
    main: html`<div class="sheet sheet-small">
      <h1>Make an account</h1>
      <p class="soft">To publish articles, and to find your orders again.</p>
      ${problemList(problems)}
      <form class="form" method="post" action="${withNext('/sign-up', next)}" novalidate>
        ${formToken(room, req)}
        ${field({ name: 'name', label: 'Name', autocomplete: 'name', maxlength: 60, value: lineIn(req, 'name') }, problems)}
        ${field({ ...emailField, value: lineIn(req, 'email') }, problems)} ${field(password, problems)}
        <p class="actions"><button class="button">Make an account</button></p>
      </form>
      <p>You have one? <a href="${withNext('/sign-in', next)}">Sign in</a></p>
    </div>`,
  })
}

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { useStage } from './support/browser.ts'
import { addToCart, address, cartLines, checkOut, newPerson, signIn, signOut, signUp } from './support/deeds.ts'

const stage = useStage()

it('P2 DOS-2 ASVS5-7.6.2: reading articles makes neither a cookie nor a store call', async () => {
  const { page, context, go } = await stage().visitor()
  await go('/')
  await page.getByRole('link', { name: 'The cloakroom ticket' }).click()
  await page.getByRole('heading', { name: 'Three rules of a good cloakroom' }).waitFor()
  const figures = await page.locator('.figures').innerText()
  expect(figures).toMatch(/Store reads\s+0\b/)
  expect(figures).toMatch(/Store writes\s+0\b/)
  expect(await context.cookies()).toEqual([])
})

it('Y7 Y14 Y40: the counter counts 1, 2, 3; after Reset, whose page still reads the session, it begins again', async () => {
  const { page, go, cookie } = await stage().visitor()
  const counts: string[] = []
  for (let visit = 0; visit < 3; visit++) {
    await go('/count')
    counts.push(await page.locator('output').innerText())
  }
  expect(counts).toEqual(['1', '2', '3'])
  const before = await cookie()

  await page.getByRole('button', { name: 'Reset' }).click()
  await page.getByText('The counter had reached 3.').waitFor()
  expect(await cookie()).toBeUndefined()
  await go('/count')
  expect(await page.locator('output').innerText()).toBe('1')
  expect(await cookie()).not.toBe(before)
})

it('another site cannot make a visitor reset, not even a sibling, and neither can a link (S11)', async () => {
  const { page, go } = await stage().visitor()
  await go('/count')
  const token = await page.locator('main input[name=_csrf]').inputValue()
  const headers = { 'Sec-Fetch-Site': 'same-site', Origin: 'https://sibling.example' }
  expect((await page.request.get('/reset')).status()).toBe(404)
  expect((await page.request.post('/reset')).status()).toBe(403)
  expect((await page.request.post('/reset', { headers, form: { _csrf: token } })).status()).toBe(403)
  await go('/count')
  expect(await page.locator('output').innerText()).toBe('2')
})

it('ASVS5-7.2.4 VULN-1: signing in gives a new token, the old one is dead, and the cart stays', async () => {
  const { page, cookie } = await stage().visitor()
  const person = newPerson('Ada')
  await signUp(page, person)
  await signOut(page)
  await addToCart(page, 'walden', 2)
  const before = await cookie()
  await signIn(page, person)
  const after = await cookie()
  expect(after).not.toBe(before)
  expect(await cartLines(page)).toEqual(['2 × Walden'])

  const thief = await stage().visitor()
  await thief.context.addCookies([{ name: 'id', value: before ?? '', url: stage().server.url }])
  await thief.go('/devices')
  expect(new URL(thief.page.url()).pathname).toBe('/sign-in')
  expect(await cartLines(thief.page)).toEqual([])
})

it('signing in leads back to where one came from, and never to another site', async () => {
  const { page, go } = await stage().visitor()
  const person = newPerson('Joan')
  await signUp(page, person)
  await signOut(page)
  await go('/articles/new')
  expect(new URL(page.url()).pathname).toBe('/sign-in')
  await signIn(page, person, page.url())
  expect(new URL(page.url()).pathname).toBe('/articles/new')

  for (const evil of ['https://evil.example/', '//evil.example/', '/\\evil.example/', '/\t/evil.example/']) {
    await signOut(page)
    await signIn(page, person, `/sign-in?next=${encodeURIComponent(evil)}`)
    expect(page.url()).toBe(`${stage().server.url}/`)
  }
})

it('a wrong password and an unknown address get the same answer', async () => {
  const { page, go } = await stage().visitor()
  const person = newPerson('Emmy')
  await signUp(page, person)
  await signOut(page)
  for (const email of [person.email, 'nobody@example.org']) {
    await go('/sign-in')
    await page.getByLabel('E-mail address').fill(email)
    await page.getByLabel('Password').fill('not the password')
    await page.getByRole('button', { name: 'Sign in' }).click()
    expect(await page.getByRole('alert').innerText()).toContain('This address and password do not belong together.')
  }
})

it('P14 ASVS5-7.4.1 ASVS4-3.3.1: after signing out neither the back button nor a replayed cookie shows anything private', async () => {
  const { page, go, cookie } = await stage().visitor()
  const person = newPerson('Hedy')
  await signUp(page, person)
  await addToCart(page, 'walden')
  await checkOut(page)
  await page.getByRole('button', { name: 'Place the order' }).click()
  await page.getByRole('heading', { name: 'Thank you' }).waitFor()
  const orderPath = new URL(page.url()).pathname
  await go('/orders')
  await go('/devices')
  const replayed = await cookie()
  await signOut(page)

  for (let step = 0; step < 4; step++) {
    await page.goBack()
    const content = await page.content()
    for (const secret of [person.name, address['Street and number'], orderPath]) expect(content).not.toContain(secret)
  }
  const thief = await stage().visitor()
  for (const path of ['/devices', '/orders', orderPath, '/checkout/address', '/cart']) {
    await thief.context.clearCookies()
    await thief.context.addCookies([{ name: 'id', value: replayed ?? '', url: stage().server.url }])
    await thief.go(path)
    const content = await thief.page.content()
    for (const secret of [person.name, address['Street and number']]) expect(content).not.toContain(secret)
  }
})

it('ASVS5-7.5.2: a second browser signs the first one out, and its next click is signed out', async () => {
  const first = await stage().visitor()
  const person = newPerson('Rosalind')
  await signUp(first.page, person)
  const second = await stage().visitor({
    userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1',
  })
  await signIn(second.page, person)
  await second.go('/devices')
  const devices = second.page.locator('.device')
  expect(await devices.count()).toBe(2)
  expect(await devices.first().innerText()).toMatch(/Safari on iPhone\s+this one/)
  await second.page.getByRole('button', { name: 'Sign out Chrome on Linux' }).click()
  await second.page.getByText('The device is signed out.').waitFor()
  expect(await devices.count()).toBe(1)

  await first.page.getByRole('link', { name: 'Articles' }).first().click()
  await first.page.getByRole('link', { name: 'Sign in' }).waitFor()
  expect(await first.page.content()).not.toContain(person.name)
})

it('signing out all others leaves this one signed in, under a new token', async () => {
  const person = newPerson('Lise')
  const visitors = await Promise.all([stage().visitor(), stage().visitor(), stage().visitor()])
  const [here, ...others] = visitors
  await signUp(here.page, person)
  for (const other of others) await signIn(other.page, person)
  await here.go('/devices')
  const before = await here.cookie()
  await here.page.getByRole('button', { name: 'Sign out all others' }).click()
  await here.page.getByText('2 other devices signed out.').waitFor()
  expect(await here.page.locator('.device').count()).toBe(1)
  expect(await here.cookie()).not.toBe(before)
  for (const other of others) {
    await other.go('/devices')
    expect(new URL(other.page.url()).pathname).toBe('/sign-in')
  }
})

it('an author publishes and edits an article, and nobody else can edit it', async () => {
  const author = await stage().visitor()
  await signUp(author.page, newPerson('Virginia'))
  await author.go('/articles/new')
  await author.page.getByLabel('Title').fill('A room of <b>one’s</b> own')
  await author.page.getByLabel('Topic').fill('Rooms')
  await author.page.getByLabel('Summary').fill('On money and a lock on the door.')
  await author.page.getByLabel('Text').fill('First.\n\n## Then\n\n<script>alert(1)</script>')
  await author.page.getByRole('button', { name: 'Publish' }).click()
  await author.page.getByText('Your article is published.').waitFor()
  const path = new URL(author.page.url()).pathname
  expect(await author.page.locator('h1').innerText()).toBe('A room of <b>one’s</b> own')
  expect(await author.page.locator('.prose').innerText()).toContain('<script>alert(1)</script>')

  await author.page.getByRole('link', { name: 'Edit this article' }).click()
  await author.page.getByLabel('Title').fill('A room of one’s own')
  await author.page.getByRole('button', { name: 'Save changes' }).click()
  await author.page.getByText('Your changes are saved.').waitFor()

  const reader = await stage().visitor()
  await reader.go('/articles?topic=Rooms')
  await reader.page.getByRole('link', { name: 'A room of one’s own' }).click()
  expect(await reader.page.getByRole('link', { name: 'Edit this article' }).count()).toBe(0)
  await signUp(reader.page, newPerson('Orlando'))
  await reader.go(`${path}/edit`)
  await reader.page.getByText('Only its author can edit an article.').waitFor()
  await reader.go('/articles/new')
  const token = await reader.page.locator('main input[name=_csrf]').inputValue()
  const form = { _csrf: token, title: 'Mine now', topic: 'Rooms', summary: 'x', body: 'x' }
  expect((await reader.context.request.post(path, { form })).status()).toBe(403)
  await author.go(path)
  expect(await author.page.locator('h1').innerText()).toBe('A room of one’s own')
})

it('VULN-4: a form from before the sign-in is refused, and so is one without a token', async () => {
  const { page, context, go } = await stage().visitor()
  await go('/shop/walden')
  const token = await page.locator('main input[name=_csrf]').inputValue()
  await signUp(page, newPerson('Sophie'))
  for (const form of [{ _csrf: token, quantity: '1' }, { quantity: '1' }]) {
    const answer = await context.request.post('/cart/add/walden', { form })
    expect(answer.status()).toBe(403)
    expect(await answer.text()).toContain('This form has grown too old')
  }
  expect(await cartLines(page)).toEqual([])
})

it('a form on another origin of the same machine, which the cookie goes along with, is refused', async () => {
  const { page, go } = await stage().visitor()
  await signUp(page, newPerson('Katherine'))
  const action = `${stage().server.url}/sign-out`
  const evil = createServer((_request, response) => {
    response.setHeader('Content-Type', 'text/html')
    response.end(`<form method="post" action="${action}"><button>Win</button></form>`)
  })
  await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve))
  await page.goto(`http://127.0.0.1:${(evil.address() as AddressInfo).port}/`)
  await page.getByRole('button', { name: 'Win' }).click()
  await page.getByText('This form has grown too old').waitFor()
  evil.close()
  await go('/devices')
  expect(await page.locator('h1').innerText()).toBe('Your devices')
})

it('Y25: the foot of the page shows the session’s data and what was done for it', async () => {
  const { page, go } = await stage().visitor()
  await addToCart(page, 'walden', 3)
  await go('/articles')
  await page.getByText('Your data, as the server holds it').click()
  const data: unknown = JSON.parse(await page.locator('.panel pre').innerText())
  expect(data).toMatchObject({ cart: { walden: 3 } })
  const figures = await page.locator('.figures').innerText()
  expect(figures).toMatch(/Store reads\s+1\b/)
  expect(figures).toMatch(/Store writes\s+0\b/)
})

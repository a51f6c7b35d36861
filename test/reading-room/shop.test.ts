import { expect, it } from 'vitest'
import { useStage } from './support/browser.ts'
import {
  addToCart,
  address,
  cartLines,
  checkOut,
  fillAddress,
  fillCard,
  newPerson,
  next,
  releaseTogether,
  signUp,
} from './support/deeds.ts'

const stage = useStage()

it('P12 P16 K5 K12: the checkout keeps what each step was told, with no hidden field and no query', async () => {
  const { page } = await stage().visitor()
  await addToCart(page, 'winterreise')
  await addToCart(page, 'middlemarch', 2)

  const hidden: (string | null)[] = []
  const noteHiddenFields = async (): Promise<void> => {
    for (const field of await page.locator('main input[type=hidden]').all())
      hidden.push(await field.getAttribute('name'))
    expect(new URL(page.url()).search).toBe('')
  }
  await page.getByRole('link', { name: 'Check out' }).click()
  await noteHiddenFields()
  await fillAddress(page, { Name: `Ada "Augusta" <i>King</i> & Łovelace` })
  await next(page)
  await noteHiddenFields()
  await page.getByLabel('Message on the card').fill('Für Charles,\n\nwho never finishes.')
  await next(page)
  await noteHiddenFields()
  await fillCard(page)
  await next(page)
  await noteHiddenFields()
  expect(hidden.length).toBeGreaterThan(0)
  expect(new Set(hidden)).toEqual(new Set(['_csrf']))

  const main = page.locator('main')
  await main.getByText('2 × Middlemarch').waitFor()
  const text = await main.innerText()
  for (const part of [
    '1 × Winterreise',
    `Ada "Augusta" <i>King</i> & Łovelace`,
    '12 St James’s Square',
    'SW1Y 4JH London',
    'Für Charles,\n\nwho never finishes.',
    'Visa ending in 4242',
    '€46.70',
  ]) {
    expect(text).toContain(part)
  }
  expect(await page.content()).not.toContain('4242 4242')
  expect(await page.locator('.panel pre').textContent()).not.toMatch(/4242 ?4242/)
})

it('K19 P17: going back through the whole checkout and on again finds every step filled in', async () => {
  const { page } = await stage().visitor()
  await addToCart(page, 'walden')
  await page.goto('/checkout')
  await fillAddress(page)
  await next(page)
  await page.getByLabel('Message on the card').fill('For the cabin')
  await next(page)
  await fillCard(page)
  await next(page)
  await page.getByText('Visa ending in 4242').waitFor()

  await page.goBack()
  await page.getByText('You pay with your Visa ending in 4242.').waitFor()
  await page.goBack()
  expect(await page.getByLabel('Message on the card').inputValue()).toBe('For the cabin')
  await page.goBack()
  for (const [label, value] of Object.entries(address)) expect(await page.getByLabel(label).inputValue()).toBe(value)
  expect(await cartLines(page)).toEqual(['1 × Walden'])

  await page.goto('/checkout/address')
  await next(page)
  await next(page)
  await page.getByRole('link', { name: 'Go on with this card' }).click()
  const text = await page.locator('main').innerText()
  expect(text).toContain('1 × Walden')
  expect(text).toContain('For the cabin')
})

it('a step says what is missing, keeps what was typed, and keeps nothing of a refused card', async () => {
  const { page } = await stage().visitor()
  await addToCart(page, 'walden')
  await page.goto('/checkout')
  await fillAddress(page, { Postcode: '' })
  await next(page)
  await page.getByRole('alert').getByText('The postcode is missing.').waitFor()
  expect(await page.getByLabel('Town').inputValue()).toBe('London')

  await page.getByLabel('Postcode').fill('SW1Y 4JH')
  await next(page)
  await next(page)
  await fillCard(page)
  await page.getByLabel('Card number').fill('4242 4242 4242 4243')
  await next(page)
  await page.getByRole('alert').getByText('This is not the number of a card').waitFor()
  expect(await page.getByLabel('Card number').inputValue()).toBe('')
  expect(await page.content()).not.toContain('4243')
})

it('K20 RACE-1: two tabs that add to the cart at the same moment keep both lines', async () => {
  const { page, context } = await stage().visitor()
  await addToCart(page, 'walden')
  const tabs = [page, await context.newPage()]
  await tabs[0]!.goto('/shop/nocturnes')
  await tabs[1]!.goto('/shop/gymnopedies')
  await releaseTogether(tabs, '**/cart/add/*')
  await Promise.all(tabs.map((tab) => tab.getByRole('button', { name: 'Add to cart' }).click()))
  await Promise.all(tabs.map((tab) => tab.waitForURL('**/cart')))
  expect(await cartLines(page)).toEqual(['1 × Gymnopédies', '1 × Nocturnes', '1 × Walden'])
})

it('quantities can be changed and lines removed', async () => {
  const { page } = await stage().visitor()
  await addToCart(page, 'walden')
  await addToCart(page, 'nocturnes')
  await page.getByLabel('Quantity of Walden').fill('3')
  await page.getByRole('button', { name: 'Update Walden' }).click()
  expect(await cartLines(page)).toEqual(['1 × Nocturnes', '3 × Walden'])
  await page.getByRole('button', { name: 'Remove Nocturnes' }).click()
  expect(await cartLines(page)).toEqual(['3 × Walden'])
  expect(await page.locator('.cart-link').innerText()).toMatch(/Cart\s*3/)
})

it('pressing the last button in two tabs at the same moment places one order', async () => {
  const { page, context } = await stage().visitor()
  await signUp(page, newPerson('Grace'))
  await addToCart(page, 'frankenstein')
  await checkOut(page)
  const tabs = [page, await context.newPage()]
  await tabs[1]!.goto('/checkout/confirmation')
  await releaseTogether(tabs, '**/checkout/confirmation')
  await Promise.all(tabs.map((tab) => tab.getByRole('button', { name: 'Place the order' }).click()))
  await Promise.all(tabs.map((tab) => tab.getByRole('heading', { name: 'Thank you' }).waitFor()))
  expect(tabs[1]!.url()).toBe(page.url())

  await page.goto('/orders')
  expect(await page.locator('.orders li').count()).toBe(1)
  expect(await cartLines(page)).toEqual([])
})

it('P15: after the order the back button makes no second one, and the order outlives the session', async () => {
  const { page, context } = await stage().visitor()
  const person = newPerson('Mary')
  await signUp(page, person)
  await addToCart(page, 'frankenstein')
  await checkOut(page)
  const token = await page.locator('main input[name=_csrf]').inputValue()
  await page.getByRole('button', { name: 'Place the order' }).click()
  const heading = page.getByRole('heading', { name: 'Thank you' })
  await heading.waitFor()
  const orderUrl = page.url()

  const again = await context.request.post('/checkout/confirmation', { form: { _csrf: token } })
  expect(again.url()).toBe(orderUrl)
  await page.goBack()
  expect(new URL(page.url()).pathname).toBe('/cart')

  await page.goto('/count')
  await page.getByRole('button', { name: 'Reset' }).click()
  await page.goto(orderUrl)
  await page.getByText('There is no page at this address.').waitFor()
  await page.goto('/sign-in')
  await page.getByLabel('E-mail address').fill(person.email)
  await page.getByLabel('Password').fill(person.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.goto('/orders')
  expect(await page.locator('.orders li').count()).toBe(1)
})

it('a cart that changed after it was shown is shown once more before it is ordered', async () => {
  const { page, context } = await stage().visitor()
  await addToCart(page, 'walden')
  await checkOut(page)
  const other = await context.newPage()
  await addToCart(other, 'nocturnes')
  await page.getByRole('button', { name: 'Place the order' }).click()
  await page.getByText('Your cart has changed').waitFor()
  await page.getByText('1 × Nocturnes').waitFor()
  await page.getByRole('button', { name: 'Place the order' }).click()
  await page.getByRole('heading', { name: 'Thank you' }).waitFor()
  expect(await page.locator('main').innerText()).toContain('1 × Nocturnes')
})

it('P1 Y39: two browsers have carts of their own', async () => {
  const [one, two] = await Promise.all([stage().visitor(), stage().visitor()])
  await Promise.all([addToCart(one.page, 'walden'), addToCart(two.page, 'nocturnes', 4)])
  expect(await cartLines(one.page)).toEqual(['1 × Walden'])
  expect(await cartLines(two.page)).toEqual(['4 × Nocturnes'])
})

it('the messages of a page are shown once', async () => {
  const { page } = await stage().visitor()
  await addToCart(page, 'walden')
  expect(await page.locator('.flashes p').count()).toBe(1)
  await page.reload()
  expect(await page.locator('.flashes p').count()).toBe(0)
})

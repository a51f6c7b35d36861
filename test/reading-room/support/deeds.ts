import type { Page } from 'playwright-core'

let people = 0

/** A person who has no account yet. */
export function newPerson(name: string): { name: string; email: string; password: string } {
  people++
  return { name, email: `${name.toLowerCase()}${people}@example.org`, password: `${name} likes long passwords` }
}

export type Person = ReturnType<typeof newPerson>

export async function signUp(page: Page, person: Person): Promise<void> {
  await page.goto('/sign-up')
  await page.getByLabel('Name').fill(person.name)
  await fillCredentials(page, person)
  await page.getByRole('button', { name: 'Make an account' }).click()
  await page.getByText(`Welcome, ${person.name}.`).waitFor()
}

export async function signIn(page: Page, person: Person, path = '/sign-in'): Promise<void> {
  await page.goto(path)
  await fillCredentials(page, person)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText(`Welcome back, ${person.name}.`).waitFor()
}

async function fillCredentials(page: Page, person: Person): Promise<void> {
  await page.getByLabel('E-mail address').fill(person.email)
  await page.getByLabel('Password').fill(person.password)
}

export async function signOut(page: Page): Promise<void> {
  await page.locator('.menu summary').click()
  await page.getByRole('button', { name: 'Sign out', exact: true }).first().click()
  await page.getByText('You are signed out.').waitFor()
}

export async function addToCart(page: Page, product: string, quantity = 1): Promise<void> {
  await page.goto(`/shop/${product}`)
  await page.getByLabel('Quantity').fill(String(quantity))
  await page.getByRole('button', { name: 'Add to cart' }).click()
  await page.getByText('is in your cart.').waitFor()
}

/** Title and quantity of each line of the cart, as the page shows it. */
export async function cartLines(page: Page): Promise<readonly string[]> {
  await page.goto('/cart')
  const lines = await page.locator('.line').all()
  const texts = lines.map(async (line) => {
    const title = await line.locator('h2').innerText()
    return `${await line.locator('input[name=quantity]').inputValue()} × ${title}`
  })
  return (await Promise.all(texts)).toSorted()
}

export const address = {
  Name: 'Ada Lovelace',
  'Street and number': '12 St James’s Square',
  Postcode: 'SW1Y 4JH',
  Town: 'London',
  Country: 'United Kingdom',
}

export async function fillAddress(page: Page, changes: Partial<typeof address> = {}): Promise<void> {
  for (const [label, text] of Object.entries({ ...address, ...changes })) await page.getByLabel(label).fill(text)
}

export async function fillCard(page: Page): Promise<void> {
  await page.getByLabel('Card number').fill('4242 4242 4242 4242')
  await page.getByLabel('Valid until').fill(`09/${(new Date().getFullYear() + 3) % 100}`)
  await page.getByLabel('Security code').fill('123')
}

export async function next(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Continue' }).click()
}

/** From a filled cart to the page with the last button. */
export async function checkOut(page: Page): Promise<void> {
  await page.goto('/checkout')
  await fillAddress(page)
  await next(page)
  await page.getByLabel('Message on the card').fill('With love')
  await next(page)
  await fillCard(page)
  await next(page)
  await page.getByRole('heading', { name: 'Is everything right?' }).waitFor()
}

/** Holds the matching requests of all pages until each page has sent one, then lets them go together. */
export async function releaseTogether(pages: readonly Page[], path: string): Promise<void> {
  let waiting = 0
  let open: () => void = () => {}
  const gate = new Promise<void>((resolve) => (open = resolve))
  for (const page of pages) {
    await page.route(path, async (route) => {
      if (route.request().method() !== 'POST') return route.fallback()
      if (++waiting === pages.length) open()
      await gate
      await route.continue()
    })
  }
}

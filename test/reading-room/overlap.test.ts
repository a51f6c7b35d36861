import { describe, expect, it } from 'vitest'
import { useStage } from './support/browser.ts'
import { addToCart, cartLines, checkOut, newPerson, signUp } from './support/deeds.ts'
import { sendTogether } from './support/overlap.ts'

describe.each(['sqlite', 'file'] as const)('with the %s store', (store) => {
  const stage = useStage({ store })

  it('the counter is exact under 50 overlapping requests', async () => {
    const { page, go, cookie } = await stage().visitor()
    await go('/count')
    const answers = await sendTogether(50, stage().server.port, { path: '/count', cookie: await cookie() })
    const counts = answers.map((answer) => Number(/<output class="numeral">(\d+)</.exec(answer)?.[1]))
    expect(counts.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index + 2))
    await go('/count')
    expect(await page.locator('output').innerText()).toBe('52')
  })

  it('RACE-1: ten overlapping requests that add the same product are all counted', async () => {
    const { page, go, cookie } = await stage().visitor()
    await go('/shop/walden')
    const token = await page.locator('main input[name=_csrf]').inputValue()
    const form = { _csrf: token, quantity: '1' }
    await sendTogether(10, stage().server.port, { path: '/cart/add/walden', cookie: await cookie(), form })
    expect(await cartLines(page)).toEqual(['10 × Walden'])
  })

  it('RACE-15: ten overlapping presses of the last button place one order, and all lead to it', async () => {
    const { page, go, cookie } = await stage().visitor()
    await signUp(page, newPerson('Ursula'))
    await addToCart(page, 'frankenstein')
    await checkOut(page)
    const token = await page.locator('main input[name=_csrf]').inputValue()
    const answers = await sendTogether(10, stage().server.port, {
      path: '/checkout/confirmation',
      cookie: await cookie(),
      form: { _csrf: token },
    })
    const places = answers.map((answer) => /^Location: (\/orders\/RR-\w+)\r$/im.exec(answer)?.[1])
    expect(new Set(places).size).toBe(1)
    await go('/orders')
    expect(await page.locator('.orders li').count()).toBe(1)
    expect(await page.locator('.orders a').getAttribute('href')).toBe(places[0])
  })
})

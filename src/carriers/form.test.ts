import { describe, expect, it } from 'vitest'
import { factsOf } from '../../test/facts.ts'
import type { FormCarrierOptions } from './form.ts'
import { formCarrier } from './form.ts'

const TOKEN = 'abc_-.XYZ'
const carrier = formCarrier()

describe('a token in a form field', () => {
  it('Y2: is read from the parsed body only', () => {
    expect(carrier.read(factsOf({ method: 'POST', fields: { sid: TOKEN } }))).toEqual([TOKEN])
    expect(carrier.read(factsOf({ method: 'POST', url: `/?sid=${TOKEN}` }))).toEqual([])
    expect(carrier.read(factsOf({ method: 'POST', fields: { sid: '' } }))).toEqual([])
    const { field: _field, ...bodiless } = factsOf({ method: 'POST' })
    expect(carrier.read(bodiless)).toEqual([])
  })

  it('ASVS5-15.3.5: a body parser that gives a list or an object gives no token', () => {
    for (const value of [[TOKEN], { toString: () => TOKEN }, 5, null]) {
      const field = (() => value) as unknown as (name: string) => string
      expect(carrier.read({ ...factsOf({ method: 'POST' }), field })).toEqual([])
    }
  })

  it('is written as a hidden input, escaped', () => {
    expect(carrier.field({ credential: (name) => (name === 'form' ? TOKEN : undefined) })).toBe(
      `<input type="hidden" name="sid" value="${TOKEN}">`,
    )
    expect(formCarrier({ field: 's' }).field({ credential: () => `<'"&>` })).toBe(
      '<input type="hidden" name="s" value="&lt;&#39;&quot;&amp;&gt;">',
    )
  })

  it('Y3: is not written when the session travels in a cookie', () => {
    expect(carrier.field({ credential: () => undefined })).toBe('')
  })

  it('is a fallback, carries no signed-in session, and its pages tell their address to nobody', () => {
    expect([carrier.name, carrier.isFallback, carrier.carriesSubjects]).toEqual(['form', true, false])
    expect(formCarrier({ carriesSubjects: true }).carriesSubjects).toBe(true)
    expect(carrier.hand(TOKEN, factsOf(), 1)).toEqual({ headers: [['referrer-policy', 'no-referrer']] })
    expect(carrier.clear(factsOf())).toEqual({})
  })

  it('Y3: is offered to those only who were shown to keep no cookies', () => {
    const marked = carrier.probe?.(factsOf({ url: '/form' }))?.headers[0]?.[1] ?? ''
    const referer = `https://shop.example${marked}`
    expect(carrier.offers?.(factsOf({ url: marked }))).toBe(true)
    expect(carrier.offers?.(factsOf({ method: 'POST', url: '/save', headers: { referer } }))).toBe(true)
    expect(carrier.offers?.(factsOf({ method: 'POST', url: '/save', headers: { referer, cookie: 'a=1' } }))).toBe(false)
    expect(carrier.strip(marked)).toBe('/form')
    expect(carrier.probe?.(factsOf({ fields: { sid: TOKEN } }))).toBeUndefined()
  })

  it('wrong options are refused at the start', () => {
    for (const options of [{ field: '' }, { field: 'a b' }, { field: 1 }, { carriesSubjects: 'yes' }, { marker: '' }]) {
      expect(() => formCarrier(options as FormCarrierOptions), JSON.stringify(options)).toThrow(TypeError)
    }
  })
})

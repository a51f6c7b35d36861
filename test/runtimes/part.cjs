// The part of an application that is CommonJS.
const { createSessions, isSessionError, Session, SessionError } = require('sojourn')
const { fetchSessions } = require('sojourn/fetch')
const { memoryStore } = require('sojourn/stores/memory')

/** @param {string} name */
exports.managerOf = (name) => createSessions({ name, store: memoryStore(), initial: () => ({ visits: 0 }) })

/** @param {string} name */
exports.userOf = (name) => exports.managerOf(name).current().subject

exports.withSession = fetchSessions
exports.isItsSession = (/** @type {unknown} */ value) => value instanceof Session
exports.isItsError = (/** @type {unknown} */ value) => value instanceof SessionError && isSessionError(value)
exports.load = require

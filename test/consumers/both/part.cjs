// The part of an application that requires.
const { createSessions, isSessionError, Session, SessionError } = require('sojourn')
const { expressSessions } = require('sojourn/express')
const { memoryStore } = require('sojourn/stores/memory')

exports.names = { createSessions, expressSessions, isSessionError, memoryStore, Session, SessionError }

/** @param {string} name */
exports.userOf = (name) => createSessions({ name, store: memoryStore({ allowInProduction: true }) }).current().subject

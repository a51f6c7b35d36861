import { createSessions } from 'sojourn'
import { fetchSessions } from 'sojourn/fetch'
import { memoryStore } from 'sojourn/stores/memory'

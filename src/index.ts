export { createSessions } from './core/sessions.ts'
export type { Sessions } from './core/sessions.ts'
export { Session } from './core/session.ts'
export type { LimitOptions, Refusal, SessionsOptions } from './core/config.ts'
export type {
  ElevateOptions,
  EndOptions,
  FreshnessOptions,
  LoginOptions,
  LogoutOptions,
  RotateOptions,
  StartOptions,
} from './core/verbs.ts'
export type { BindOption, Fingerprint } from './core/binding.ts'
export type { Closing } from './core/engine/late.ts'
export type { SaveResult } from './core/engine/save.ts'
export type { SessionSummary, SubjectSessions } from './core/subjects.ts'
export type { Authentication } from './core/record.ts'
export type { Flash } from './core/data/content.ts'
export type { SecretOptions } from './core/secrets.ts'
export type { Activity } from './core/engine/guard.ts'
export type { SessionEventName, SessionEvents, SessionListener } from './core/events.ts'
export { nist } from './core/policy.ts'
export type { Policy, RotationOptions, TimeoutOptions } from './core/policy.ts'
export type { Duration } from './core/duration.ts'
export type { Clock } from './core/clock.ts'
export { jsonCodec, strictCodec } from './core/data/codec.ts'
export type { Codec, JsonLimits } from './core/data/codec.ts'
export type { SchemaIssue, SchemaResult, StandardSchema } from './core/data/schema.ts'
export { cookieCarrier } from './core/web/cookie-carrier.ts'
export type { CookieCarrier, CookieOptions } from './core/web/cookie-carrier.ts'
export type { RetiredCookie } from './core/web/retired-cookies.ts'
export type { Answer, Carried, Carrier, RequestFacts } from './core/web/carrier.ts'
export { safePath } from './core/web/safe-path.ts'
export { applyOutcome } from './core/web/response.ts'
export type { HeaderSink, Outcome } from './core/web/response.ts'
export { SessionError, isSessionError } from './core/errors.ts'
export type { SessionErrorCode } from './core/errors.ts'
export { hasSubjects, isClearable, isClosable, isDurable, isScannable, isSweepable, isWatchable } from './core/store.ts'
export type {
  ClearableStore,
  ClosableStore,
  CompleteStore,
  Durability,
  DurableStore,
  InsertResult,
  LossWindow,
  RotateResult,
  ScannableStore,
  SessionRecord,
  Store,
  StoreNotice,
  SubjectCap,
  SubjectStore,
  SweepableStore,
  Tombstone,
  UpdateResult,
  WatchableStore,
} from './core/store.ts'
export { isStoreKey, partitionOfKey, partitionOfSubject } from './core/key.ts'
export type { StoreKey } from './core/key.ts'

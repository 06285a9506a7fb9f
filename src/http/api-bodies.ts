import { ROLES } from '../core/record.ts'
import { MAX_TARGETS, MAX_WANT_SPECS } from '../core/limits.ts'
import { isTargetId } from '../core/target.ts'
import { apiError } from './api-error.ts'
import type { InviteRequest, JobStateView, PauseRequest, WantRequest } from './api-types.ts'
import { JOB_STATES } from './api-types.ts'
import {
  DEFAULT_LIST_ROWS,
  MAX_INVITE_TTL_MS,
  MAX_INVITE_USES,
  MAX_LIST_ROWS,
  MAX_PAUSE_MS,
  MAX_PAUSE_WORDS,
  MAX_SPEC_CHARS
} from './http-limits.ts'

/** What a list of jobs or builds is narrowed to. */
export interface ListFilter {
  readonly job?: string
  readonly project?: string
  readonly target?: string
  readonly state?: JobStateView
  readonly limit: number
}

const FILTER_KEYS = ['job', 'project', 'target', 'state', 'limit']

/** Body of POST /api/v1/wants; throws an ApiError that names the field. */
export function parseWantRequest(body: unknown): WantRequest {
  const fields = fieldsOf(body, ['specs', 'targets', 'batch', 'atomic'])
  const specs = textsOf(fields['specs'], 'specs', MAX_WANT_SPECS)
  if (specs.length === 0) throw bad('specs: at least one project is needed')
  if (specs.some((spec) => spec.trim() === '' || spec.length > MAX_SPEC_CHARS)) {
    throw bad(`specs: each must have 1 to ${MAX_SPEC_CHARS} characters`)
  }
  const targets = textsOf(fields['targets'] ?? [], 'targets', MAX_TARGETS)
  const wrong = targets.find((target) => !isTargetId(target))
  if (wrong !== undefined) {
    throw bad(`targets: ${shown(wrong)} is none`, 'a target looks like cp313-linux_aarch64-glibc2.41')
  }
  const atomic = flagOf(fields['atomic'], 'atomic')
  return { specs, targets, batch: flagOf(fields['batch'], 'batch') || atomic, atomic }
}

/** Body of POST /api/v1/invites; throws an ApiError that names the field. */
export function parseInviteRequest(body: unknown): InviteRequest {
  const fields = fieldsOf(body, ['uses', 'ttlMs', 'roles'])
  const roles = textsOf(fields['roles'] ?? [], 'roles', ROLES.length)
  const wrong = roles.find((role) => !(ROLES as readonly string[]).includes(role))
  if (wrong !== undefined) throw bad(`roles: ${shown(wrong)} is none`, `roles are ${ROLES.join(', ')}`)
  return {
    uses: wholeOf(fields['uses'], 'uses', MAX_INVITE_USES),
    ttlMs: wholeOf(fields['ttlMs'], 'ttlMs', MAX_INVITE_TTL_MS),
    roles
  }
}

/** Body of POST /api/v1/pause; throws an ApiError that names the field. */
export function parsePauseRequest(body: unknown): PauseRequest {
  const fields = fieldsOf(body, ['forMs', 'reason', 'now'])
  const { forMs, reason = '' } = fields
  if (typeof reason !== 'string' || reason.length > MAX_PAUSE_WORDS || /\p{Cc}/u.test(reason))
    throw bad(`reason: must be one line of at most ${MAX_PAUSE_WORDS} characters`)
  return {
    ...(forMs !== undefined && { forMs: wholeOf(forMs, 'forMs', MAX_PAUSE_MS) }),
    reason: reason.trim(),
    now: flagOf(fields['now'], 'now')
  }
}

/** The query of a list; throws an ApiError for what it does not know, so that a misspelt filter never lists everything. */
export function parseListFilter(query: Readonly<Record<string, string>>): ListFilter {
  const unknown = Object.keys(query).find((key) => !FILTER_KEYS.includes(key))
  if (unknown !== undefined)
    throw bad(`${shown(unknown)} is no filter`, `filters are ${FILTER_KEYS.join(', ')}`)
  const { job, project, target, state, limit } = query
  const known = JOB_STATES.find((candidate) => candidate === state)
  if (state !== undefined && known === undefined) {
    throw bad(`state: ${shown(state)} is none`, `states are ${JOB_STATES.join(', ')}`)
  }
  return {
    ...(job !== undefined && { job }),
    ...(project !== undefined && { project }),
    ...(target !== undefined && { target }),
    ...(known !== undefined && { state: known }),
    limit: limit === undefined ? DEFAULT_LIST_ROWS : wholeOf(Number(limit), 'limit', MAX_LIST_ROWS)
  }
}

function fieldsOf(body: unknown, known: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw bad('the body must be a JSON object')
  const unknown = Object.keys(body).find((key) => !known.includes(key))
  if (unknown !== undefined) throw bad(`${shown(unknown)} is no field`, `fields are ${known.join(', ')}`)
  return body as Readonly<Record<string, unknown>>
}

function textsOf(value: unknown, field: string, max: number): readonly string[] {
  const isList = Array.isArray(value) && value.every((item): item is string => typeof item === 'string')
  if (!isList) throw bad(`${field}: must be a list of strings`)
  if (value.length > max) throw bad(`${field}: at most ${max}`)
  return value
}

function flagOf(value: unknown, field: string): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false
  throw bad(`${field}: must be true or false`)
}

function wholeOf(value: unknown, field: string, max: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max) return value
  throw bad(`${field}: must be a whole number from 1 to ${max}`)
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 80))
}

function bad(message: string, hint = ''): Error {
  return apiError('BAD_REQUEST', message, hint)
}

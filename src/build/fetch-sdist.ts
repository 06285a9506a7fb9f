import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError, messageOf } from '../core/errors.ts'
import type { BuildRequest, UpstreamIndex } from '../core/ports.ts'
import { done, failed, type Step } from './step.ts'

const SAFE_NAME = /^[A-Za-z0-9][A-Za-z0-9._+!-]{0,250}$/

/** Brings the sdist into `folder` and holds it to the digest that the job names. */
export async function fetchSdist(
  upstream: UpstreamIndex,
  { job, sdistUrl }: BuildRequest,
  options: { readonly folder: string; readonly maxBytes: number; readonly signal: AbortSignal }
): Promise<Step<string>> {
  const { filename, sha256 } = job.sdist
  if (!SAFE_NAME.test(filename))
    return failed('package', 'bad-sdist', 'its source archive has an unsafe file name')
  const path = join(options.folder, filename)
  const hash = createHash('sha256')
  const file = await open(path, 'wx', 0o600)
  try {
    for await (const chunk of guarded(upstream.download(sdistUrl, options))) {
      hash.update(chunk)
      await file.write(chunk)
    }
  } catch (error) {
    options.signal.throwIfAborted()
    if (!(error instanceof FetchTrouble)) throw error
    return troubleOf(error.cause, options.maxBytes)
  } finally {
    await file.close()
  }
  const actual = hash.digest('hex')
  if (actual === sha256) return done(path)
  return failed(
    'package',
    'sdist-digest-mismatch',
    `upstream serves ${filename} with sha256 ${actual}, not ${sha256}`
  )
}

/** Marks what upstream threw, so that a full disk of ours is not taken for it. */
class FetchTrouble extends Error {
  override readonly name = 'FetchTrouble'
}

async function* guarded(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  try {
    yield* source
  } catch (cause) {
    throw new FetchTrouble('upstream failed', { cause })
  }
}

function troubleOf(cause: unknown, maxBytes: number): Step<never> {
  if (cause instanceof CodedError && String(cause.code) === 'UPSTREAM_TOO_LARGE') {
    return failed('package', 'sdist-too-large', `its source archive is larger than ${maxBytes} bytes`)
  }
  return failed(
    'transient',
    'sdist-unavailable',
    `the source archive could not be fetched: ${messageOf(cause)}`
  )
}

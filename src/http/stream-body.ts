import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context } from 'hono'
import { messageOf } from '../core/errors.ts'
import type { Log } from '../core/ports.ts'
import { givingBack } from './file-buffers.ts'
import type { HttpEnv } from './http-env.ts'

export interface BodyHead {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Streams a body with back-pressure. A client that goes away ends the reading; a source that fails after the head was
 * sent destroys the connection, so that the client sees a short body and never takes a part for the whole.
 */
export async function streamBody(
  c: Context<HttpEnv>,
  head: BodyHead,
  chunks: AsyncIterable<Uint8Array>,
  log: Log
): Promise<Response> {
  // A test by app.request() gives no environment at all, whatever the type says.
  const outgoing = (c.env as HttpEnv['Bindings'] | undefined)?.outgoing
  if (outgoing === undefined) {
    const readable = Readable.from(chunks, { highWaterMark: 1 })
    return new Response(Readable.toWeb(readable) as ReadableStream, head)
  }
  outgoing.writeHead(head.status, head.headers)
  try {
    await send(outgoing, chunks, Number(head.headers['content-length'] ?? NaN))
  } catch (error) {
    outgoing.destroy()
    log.warn('answer broken off', { path: c.req.path, error: messageOf(error) })
  }
  return RESPONSE_ALREADY_SENT
}

/** By hand, since a pipeline of streams costs more than all the rest of a small file. The last bytes of `length` leave with the end. */
async function send(
  outgoing: ServerResponse,
  chunks: AsyncIterable<Uint8Array>,
  length: number
): Promise<void> {
  let passed = 0
  let last: Uint8Array | undefined
  for await (const chunk of chunks) {
    if (outgoing.destroyed) return
    passed += chunk.byteLength
    if (passed === length) last = chunk
    else if (!outgoing.write(chunk, givingBack(chunk))) await writable(outgoing)
  }
  if (outgoing.destroyed) return
  if (last !== undefined) outgoing.write(last, givingBack(last))
  outgoing.end()
}

/** Until it takes more, or nobody is there any more. */
async function writable(outgoing: ServerResponse): Promise<void> {
  if (outgoing.destroyed) return
  await new Promise<void>((resolve) => {
    const go = (): void => {
      outgoing.off('drain', go).off('close', go)
      resolve()
    }
    outgoing.on('drain', go).on('close', go)
  })
}

/**
 * The same chunks, with the first one already read: a source that cannot even begin rejects here, while there is
 * still an honest status to give. With `length`, more or fewer bytes than that are an error at the place where it shows.
 */
export async function begun(
  chunks: AsyncIterable<Uint8Array>,
  length?: number
): Promise<AsyncIterable<Uint8Array>> {
  const source = chunks[Symbol.asyncIterator]()
  let ahead: IteratorResult<Uint8Array> | undefined = await source.next()
  let passed = 0
  const iterator: AsyncIterator<Uint8Array, undefined> = {
    async next() {
      const step = ahead ?? (await source.next())
      ahead = undefined
      passed += step.done === true ? 0 : step.value.byteLength
      if (length !== undefined && (step.done === true ? passed !== length : passed > length)) {
        await source.return?.()
        throw new RangeError(`the source gave ${passed} bytes or more instead of ${length}`)
      }
      return step.done === true ? { done: true, value: undefined } : step
    },
    async return() {
      await source.return?.()
      return { done: true, value: undefined }
    }
  }
  return { [Symbol.asyncIterator]: () => iterator }
}

import type { AbortOptions, Startable } from '../core/ports.ts'

/** Starts parts in the order given and stops them in reverse; a failed start undoes what was started. */
export function sequence(parts: readonly Startable[]): Startable {
  let running: Startable[] = []

  async function stop(): Promise<void> {
    const toStop = running.reverse()
    running = []
    const errors: unknown[] = []
    for (const part of toStop) await part.stop().catch((error: unknown) => errors.push(error))
    if (errors.length > 0) throw new AggregateError(errors, 'some parts did not stop cleanly')
  }

  async function start(options: AbortOptions = {}): Promise<void> {
    if (running.length > 0) return
    for (const part of parts) {
      try {
        options.signal?.throwIfAborted()
        await part.start(options)
        running.push(part)
      } catch (cause) {
        await stop().catch(() => undefined)
        const reason = cause instanceof Error ? cause.message : String(cause)
        throw new Error(`could not start ${part.name}: ${reason}`, { cause })
      }
    }
  }

  return { name: 'sequence', start, stop }
}

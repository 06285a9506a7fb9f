import type { NodeApi } from './api-client.ts'

/** Follows a node's events and calls back for each batch; ends with the signal, or for good when the stream does. */
export async function followEvents(api: NodeApi, signal: AbortSignal, onEvents: () => void): Promise<void> {
  try {
    const decoder = new TextDecoder()
    for await (const chunk of await api.events(signal)) {
      // What changed is asked for afresh: two streams of news would have to be put in order.
      if (decoder.decode(chunk, { stream: true }).includes('event: job')) onEvents()
    }
  } catch {
    // Polling goes on, only slower.
  }
}

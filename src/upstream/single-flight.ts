interface Flight<T> {
  readonly answer: Promise<T>
  readonly controller: AbortController
  passengers: number
}

/** Callers that want the same thing at the same time share one piece of work, which ends when the last of them gives up. */
export interface SingleFlight<T> {
  run(key: string, signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T>
}

export function createSingleFlight<T>(): SingleFlight<T> {
  const flights = new Map<string, Flight<T>>()

  function start(key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController()
    const answer = work(controller.signal).finally(() => {
      if (flights.get(key) === flight) flights.delete(key)
    })
    const flight = { answer, controller, passengers: 0 }
    flights.set(key, flight)
    return flight
  }

  function leave(key: string, flight: Flight<T>, reason: unknown): void {
    flight.passengers -= 1
    if (flight.passengers > 0) return
    // Whoever comes now must not board work that is being abandoned.
    if (flights.get(key) === flight) flights.delete(key)
    flight.controller.abort(reason)
  }

  return {
    async run(key, signal, work) {
      signal?.throwIfAborted()
      const flight = flights.get(key) ?? start(key, work)
      flight.passengers += 1
      if (signal === undefined) return flight.answer
      return new Promise<T>((resolve, reject) => {
        const giveUp = (): void => {
          leave(key, flight, signal.reason)
          reject(signal.reason as Error)
        }
        signal.addEventListener('abort', giveUp, { once: true })
        flight.answer.then(resolve, reject).finally(() => {
          signal.removeEventListener('abort', giveUp)
        })
      })
    }
  }
}

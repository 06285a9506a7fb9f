/** Lets so many pieces of work run at once; the rest wait their turn, first come first served. */
export interface Slots {
  /** Resolves with what gives the slot back; rejects with the signal's reason when aborted while waiting. */
  take(signal: AbortSignal): Promise<() => void>
}

export function createSlots(limit: number): Slots {
  const waiting: (() => void)[] = []
  let running = 0

  function turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (): void => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = (): void => {
        waiting.splice(waiting.indexOf(go), 1)
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', leave, { once: true })
      waiting.push(go)
    })
  }

  /** A slot that becomes free is handed on without ever being counted as free: nobody can overtake. */
  function handOn(): void {
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next()
  }

  return {
    async take(signal) {
      signal.throwIfAborted()
      if (running < limit) running += 1
      else await turn(signal)
      return handOn
    }
  }
}

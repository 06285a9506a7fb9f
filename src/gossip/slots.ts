/** Runs at most so many tasks at once; the others wait in the order they came. */
export interface Slots {
  run<T>(task: () => Promise<T>): Promise<T>
}

export function createSlots(count: number): Slots {
  const waiting: (() => void)[] = []
  let free = count

  async function acquire(): Promise<void> {
    if (free > 0) {
      free -= 1
      return
    }
    // the slot is handed over: `free` stays as it is
    await new Promise<void>((resolve) => waiting.push(resolve))
  }

  function release(): void {
    const next = waiting.shift()
    if (next === undefined) free += 1
    else next()
  }

  return {
    async run(task) {
      await acquire()
      try {
        return await task()
      } finally {
        release()
      }
    }
  }
}

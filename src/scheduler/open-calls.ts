/** Calls under way that end together. Each has a signal of its own: one that all share would gather a listener of each. */
export class OpenCalls {
  readonly #open = new Set<AbortController>()
  #ended: Error | undefined

  async run<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    if (this.#ended !== undefined) controller.abort(this.#ended)
    this.#open.add(controller)
    try {
      return await call(controller.signal)
    } finally {
      this.#open.delete(controller)
    }
  }

  /** Ends those that are under way. */
  abort(reason: unknown): void {
    for (const controller of this.#open) controller.abort(reason)
  }

  /** Ends these and all to come. */
  end(): void {
    this.#ended = new Error('the node stops')
    this.abort(this.#ended)
  }
}

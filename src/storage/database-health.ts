import { StorageError, toStorageError } from './storage-error.ts'

export interface HealthParts {
  /** Where it lies, for messages to people. */
  readonly folder: string
  /** Closes the database and opens it again: LevelDB refuses every write after a failed one until then. */
  readonly reopen: () => Promise<void>
}

/** How to find out whether writing works again. */
export interface WriteTrial {
  readonly probe: () => Promise<void>
  readonly write: () => Promise<void>
}

/** Write errors that pass when somebody makes room, remounts, or plugs the disk in again. */
const PASSING: ReadonlySet<string> = new Set(['STORAGE_FULL', 'STORAGE_READ_ONLY', 'STORAGE_IO'])
/** What LevelDB calls a file that is not what it wrote. */
const DAMAGE = /LEVEL_CORRUPTION|LEVEL_IO_ERROR|STORAGE_CORRUPT|STORAGE_FEED_BROKEN/
/** Also an IO error to LevelDB, and no fault of the file. */
const NO_DAMAGE = /Too many open files|No space left|Read-only file system|Cannot allocate memory/

/** What the database has shown of itself since it was opened: whether it takes writes, and whether reads found damage. */
export class DatabaseHealth {
  readonly #parts: HealthParts
  #writeTrouble: StorageError | undefined
  #damage: Error | undefined
  #waiting: (() => void)[] = []
  readonly #onDamage: ((error: Error) => void)[] = []

  constructor(parts: HealthParts) {
    this.#parts = parts
  }

  /** Why nothing is written at present; writes are refused with it and do not reach LevelDB. */
  get writeTrouble(): StorageError | undefined {
    return this.#writeTrouble
  }

  /** What a read found broken; only a repair ends it. */
  get damage(): Error | undefined {
    return this.#damage
  }

  /** Runs once, when a read first finds damage. */
  onDamage(listener: (error: Error) => void): void {
    this.#onDamage.push(listener)
    if (this.#damage !== undefined) listener(this.#damage)
  }

  /** Gives the error of a failed write in our words. */
  writeFailed(error: unknown): Error {
    const told = toStorageError(error, this.#parts.folder)
    if (told instanceof StorageError && PASSING.has(told.code)) this.#writeTrouble ??= told
    return told
  }

  /** Gives the error of a failed read in our words. */
  readFailed(error: unknown): Error {
    const told = toStorageError(error, this.#parts.folder)
    if (isDamage(error) && this.#damage === undefined) {
      this.#damage = told
      for (const listener of this.#onDamage) listener(told)
    }
    return told
  }

  /** Resolves when writes are taken again; undefined for an error that waiting does not cure. */
  whenWritable(error: unknown): Promise<void> | undefined {
    if (!(error instanceof StorageError) || !PASSING.has(error.code)) return undefined
    if (this.#writeTrouble === undefined) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  /** Opens the database anew; `probe` must find that the disk takes writes before, `write` that the database does after. */
  async tryAgain({ probe, write }: WriteTrial): Promise<boolean> {
    if (this.#writeTrouble === undefined) return true
    try {
      await probe()
      await this.#parts.reopen()
      await write()
    } catch (error) {
      const told = toStorageError(error, this.#parts.folder)
      if (told instanceof StorageError) this.#writeTrouble = told
      return false
    }
    this.#writeTrouble = undefined
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
    return true
  }
}

/** Whether an error says that a file of the database is broken, and not that the machine is short of something. */
export function isDamage(error: unknown): boolean {
  let text = ''
  for (let at = error; at instanceof Error && text.length < 4_000; at = at.cause) {
    text += ` ${'code' in at ? String(at.code) : ''} ${at.message}`
  }
  return DAMAGE.test(text) && !NO_DAMAGE.test(text)
}

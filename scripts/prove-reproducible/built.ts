/** What a builder tells of one release. */
export interface Built {
  readonly release: string
  /** Of the wheel; undefined when there is none. */
  readonly path?: string
  readonly failure?: string
  readonly pins: readonly string[]
  readonly seconds: number
}

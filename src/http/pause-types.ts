/** Why a node begins no builds; those that run go on. Times in milliseconds since 1970. */
export interface PauseView {
  /** `owner`, `hours`, `heat`, `disk`, …: docs/building.md */
  readonly cause: string
  readonly reason: string
  readonly sinceMs: number
  /** When it ends, if that is known. */
  readonly untilMs?: number
}

/** Body of POST /api/v1/pause; `{}` pauses until `resume`. */
export interface PauseRequest {
  /** Milliseconds. */
  readonly forMs?: number
  /** For the other members to read. */
  readonly reason?: string
  /** Running builds are ended and given back to the mesh; otherwise they go on. */
  readonly now?: boolean
}

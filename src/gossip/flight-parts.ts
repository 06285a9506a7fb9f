import type { BlobFacts, Log, PieceStore } from '../core/ports.ts'
import type { BlobClient } from './blob-client.ts'
import type { HolderOrder, HolderParts } from './holder-queue.ts'
import type { PieceBuffers } from './piece-buffers.ts'
import type { Slots } from './slots.ts'

/** What every transfer of a blob is made with. */
export interface FlightParts extends HolderParts {
  readonly store: PieceStore
  readonly client: BlobClient
  readonly log: Log
  readonly slots: Slots
  readonly buffers: PieceBuffers
}

/** Which blob, and what is known of it. */
export interface FlightOrder extends HolderOrder {
  readonly about?: BlobFacts
}

import { CodedError } from '../core/errors.ts'

export type NodeErrorDetail =
  | { readonly code: 'NODE_KEY_READABLE'; readonly file: string; readonly cure: string }
  | { readonly code: 'NODE_KEY_BROKEN'; readonly file: string; readonly cure: string }
  | { readonly code: 'NODE_ALREADY_MEMBER'; readonly mesh: string; readonly cure: string }
  | { readonly code: 'NODE_TICKET_BAD'; readonly reason: string }
  | { readonly code: 'NODE_TICKET_EXPIRED'; readonly expired: string; readonly cure: string }
  | { readonly code: 'NODE_JOIN_REFUSED'; readonly reason: string; readonly tried: string }
  | { readonly code: 'NODE_NO_KEEPER'; readonly cure: string }
  | { readonly code: 'NODE_NO_NODE'; readonly folder: string; readonly cure: string }
  | { readonly code: 'NODE_FILE_EXISTS'; readonly file: string; readonly cure: string }
  | { readonly code: 'NODE_FOLDER_IN_USE'; readonly folder: string; readonly cure: string }
  | {
      readonly code: 'NODE_BACKUP_BROKEN'
      readonly file: string
      readonly reason: string
      readonly cure: string
    }
  | { readonly code: 'NODE_WANT_BAD'; readonly reason: string }

/** Something that a person asked of this node and that it cannot do; the facts say why and what to do. */
export class NodeError extends CodedError<NodeErrorDetail> {}

import { CodedError } from '../core/errors.ts'

export type ExportErrorDetail =
  /** The folder holds something that no export made. */
  | { readonly code: 'EXPORT_FOLDER_TAKEN'; readonly folder: string; readonly cure: string }
  | {
      readonly code: 'EXPORT_OTHER_MESH'
      readonly folder: string
      readonly mesh: string
      readonly cure: string
    }
  | { readonly code: 'EXPORT_RUNNING'; readonly folder: string; readonly pid: number; readonly cure: string }
  /** More than half of what is exported would go. */
  | {
      readonly code: 'EXPORT_SHRINKS'
      readonly exported: number
      readonly listed: number
      readonly cure: string
    }
  | { readonly code: 'EXPORT_NOTHING_FITS'; readonly projects: string; readonly cure: string }
  | {
      readonly code: 'EXPORT_NODE_SILENT'
      readonly path: string
      readonly reason: string
      readonly cure: string
    }
  /** What came is not what its own head, or its digest, says. */
  | {
      readonly code: 'EXPORT_ANSWER_BAD'
      readonly path: string
      readonly reason: string
      readonly cure: string
    }
  /** The node itself cannot give it at the moment. */
  | {
      readonly code: 'EXPORT_NOT_TO_BE_HAD'
      readonly path: string
      readonly status: number
      readonly cure: string
    }

/** Why an export, or one project or file of it, could not be made. */
export class ExportError extends CodedError<ExportErrorDetail> {}

export function badAnswer(path: string, reason: string): ExportError {
  const cure = 'run the export again; if it stays so, restart the node: its log says more'
  return new ExportError({ code: 'EXPORT_ANSWER_BAD', path, reason, cure })
}

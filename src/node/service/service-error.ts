import { CodedError } from '../../core/errors.ts'

/** Why a service could not be installed, started or removed; `cure` says what to do. */
export class ServiceError extends CodedError<
  | { readonly code: 'SERVICE_NO_SYSTEMD'; readonly cure: string }
  | { readonly code: 'SERVICE_NOT_ROOT'; readonly cure: string }
  | { readonly code: 'SERVICE_NOT_INSTALLED'; readonly cure: string }
  | { readonly code: 'SERVICE_NODE_RUNS'; readonly folder: string; readonly cure: string }
  | {
      readonly code: 'SERVICE_TOOL_FAILED'
      readonly command: string
      readonly said: string
      readonly cure: string
    }
  | { readonly code: 'SERVICE_NOT_UP'; readonly said: string; readonly cure: string }
  | { readonly code: 'SERVICE_NO_OTHER_VERSION'; readonly cure: string }
  | { readonly code: 'SERVICE_NOT_BUILT'; readonly folder: string; readonly cure: string }
> {}

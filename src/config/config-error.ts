import { CodedError } from '../core/errors.ts'

export interface ConfigErrorDetail {
  readonly code: 'CONFIG_REFUSED'
  /** Where the value stood: `--http`, `COMMONWHEEL_SLOTS`, the path of a file. */
  readonly source: string
  /** What is wrong, for people. */
  readonly problem: string
  /** What to write instead; `''` when nothing can be said. */
  readonly hint: string
}

/** A setting that cannot be used: the person who wrote it reads this. */
export class ConfigError extends CodedError<ConfigErrorDetail> {
  constructor(detail: Omit<ConfigErrorDetail, 'code'>, options?: ErrorOptions) {
    super({ code: 'CONFIG_REFUSED', ...detail }, options)
  }
}

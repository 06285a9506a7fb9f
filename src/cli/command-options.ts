import { type Command, InvalidArgumentError } from 'commander'

/** What every command takes. */
export interface CommonOptions {
  readonly data?: string
  readonly json?: true
}

export function addCommonOptions(command: Command): Command {
  return command
    .option('--data <dir>', 'data folder of the node (default: the one of this user)')
    .option('--json', 'print JSON for programs')
    .option('--debug', 'tell where in the program an error came from')
}

/** Collects an option that may be repeated. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value]
}

/** Collects values that may also be separated by commas. */
export function collectList(value: string, before: readonly string[] | undefined): readonly string[] {
  const items = value.split(',').map((item) => item.trim())
  return [...(before ?? []), ...items.filter((item) => item !== '')]
}

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000
}

/** `90s`, `30m`, `24h`, `7d` → milliseconds. */
export function parseDuration(text: string): number {
  const [, count, unit = ''] = /^(\d{1,6})\s*(s|m|h|d)$/.exec(text.trim()) ?? []
  const ms = Number(count) * (UNIT_MS[unit] ?? NaN)
  if (!(ms > 0)) throw new InvalidArgumentError('A duration looks like 90s, 30m, 24h or 7d.')
  return ms
}

const UNIT_BYTES: Readonly<Record<string, number>> = { '': 1, k: 1_000, M: 1_000_000 }

/** `500k`, `2M`, `80000` → bytes a second. */
export function parseByteRate(text: string): number {
  const [, count, unit = ''] = /^(\d{1,9}(?:\.\d{1,3})?)\s*(k|M)?$/.exec(text.trim()) ?? []
  const bytes = Math.round(Number(count) * (UNIT_BYTES[unit] ?? NaN))
  if (!(bytes >= 0)) throw new InvalidArgumentError('It must be bytes a second, such as 500k, 2M or 80000.')
  return bytes
}

export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1 on.')
  return Number(text)
}

/** `127.0.0.1:8410`, `[::1]:8410` */
export function parseHostPort(text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, bare, port] = /^(?:\[([0-9a-f:.]+)\]|([^:/\s]+)):(\d{1,5})$/i.exec(text) ?? []
  const host = bracketed ?? bare
  if (host === undefined || Number(port) > 65_535) {
    throw new InvalidArgumentError('It must be HOST:PORT, such as 0.0.0.0:8410 or [::]:8410.')
  }
  return { host, port: Number(port) }
}

import { malformed } from './wire-error.ts'

/** Hand-made shape checks: each takes what a decoder gave and returns it typed, or throws a WireError that names the field. */
export type Shape<T> = (value: unknown, name: string) => T

export function fields(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw malformed(`${name} is not a map`)
  }
  return value as Record<string, unknown>
}

export function text(maxChars: number): Shape<string> {
  return (value, name) => {
    if (typeof value !== 'string' || value.length > maxChars)
      throw malformed(`${name} is not text of at most ${maxChars}`)
    return value
  }
}

export function integer(min: number, max: number): Shape<number> {
  return (value, name) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      throw malformed(`${name} is not an integer from ${min} to ${max}`)
    }
    return value
  }
}

export const boolean: Shape<boolean> = (value, name) => {
  if (typeof value !== 'boolean') throw malformed(`${name} is not true or false`)
  return value
}

export function bytes(minLength: number, maxLength: number): Shape<Uint8Array> {
  return (value, name) => {
    if (!(value instanceof Uint8Array) || value.byteLength < minLength || value.byteLength > maxLength) {
      throw malformed(`${name} is not ${minLength} to ${maxLength} bytes`)
    }
    return Uint8Array.from(value)
  }
}

export function list<T>(max: number, item: Shape<T>): Shape<readonly T[]> {
  return (value, name) => {
    if (!Array.isArray(value) || value.length > max)
      throw malformed(`${name} is not a list of at most ${max}`)
    try {
      return value.map((one) => item(one, name))
    } catch {
      // only who was refused is told which item it was: making names for all costs more than looking at them
      return value.map((one, index) => item(one, `${name}[${index}]`))
    }
  }
}

export function oneOf<T extends string>(values: readonly T[]): Shape<T> {
  return (value, name) => {
    const found = values.find((one) => one === value)
    if (found === undefined) throw malformed(`${name} is none of ${values.join(', ')}`)
    return found
  }
}

/** A branded string with a predicate of its own: ids, digests. */
export function matching<T extends string>(test: (value: unknown) => value is T, what: string): Shape<T> {
  return (value, name) => {
    if (!test(value)) throw malformed(`${name} is not ${what}`)
    return value
  }
}

/** Something with a parser that throws a TypeError. */
export function parsed<T>(parse: (value: unknown) => T): Shape<T> {
  return (value, name) => {
    try {
      return parse(value)
    } catch (error) {
      throw malformed(`${name}: ${error instanceof Error ? error.message : 'unreadable'}`)
    }
  }
}

/** `{ key: value }` when present, `{}` when absent: keeps optional keys absent rather than undefined. */
export function optional<K extends string, T>(
  map: Readonly<Record<string, unknown>>,
  key: K,
  shape: Shape<T>
): Partial<Record<K, T>> {
  const value = map[key]
  return value === undefined ? {} : ({ [key]: shape(value, key) } as Record<K, T>)
}

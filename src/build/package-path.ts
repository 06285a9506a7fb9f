import { fileURLToPath } from 'node:url'

/** Where a file of the package lies; src/build and dist/build are equally deep, so this holds for both. */
export function packagePath(relative: string): string {
  return fileURLToPath(new URL(`../../${relative}`, import.meta.url))
}

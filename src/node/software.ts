import { readFileSync } from 'node:fs'
import { packagePath } from '../build/package-path.ts'

/** Name and version of this program, as members and upstream see it. */
export const SOFTWARE = `commonwheel/${versionOf(readFileSync(packagePath('package.json'), 'utf8'))}`

function versionOf(packageJson: string): string {
  const { version } = JSON.parse(packageJson) as { readonly version: string }
  return version
}

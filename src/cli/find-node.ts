import { stat } from 'node:fs/promises'
import { readApiFile } from '../config/api-file.ts'
import { SYSTEM_DATA_DIR, findDataDir } from '../config/data-dir.ts'
import { type NodeApi, createApiClient } from './api-client.ts'
import type { CliContext } from './cli-context.ts'
import { cliError } from './cli-error.ts'

/** The node that runs with this data folder; throws a CliError NOT_RUNNING with the cure when there is none. */
export async function findNode(context: CliContext, data: string | undefined): Promise<NodeApi> {
  const dataDir = findDataDir({ flag: data, env: context.env })
  const file = await readApiFile(dataDir)
  if (file !== undefined) return createApiClient(file, context.signal)
  const elsewhere = dataDir !== SYSTEM_DATA_DIR && (await exists(SYSTEM_DATA_DIR))
  const other = elsewhere ? `; root's node has ${SYSTEM_DATA_DIR}: try sudo` : ''
  throw cliError(
    'NOT_RUNNING',
    `no node runs with the data folder ${dataDir}`,
    `start it with: ./commonwheel join, or name its folder with --data DIR${other}`
  )
}

/**
 * The node that runs with this data folder; undefined when none wrote where it answers, or when the process that did is
 * gone. One that is there and does not answer is an error: the folder is in use.
 */
export async function findRunning(
  context: CliContext,
  data: string | undefined
): Promise<NodeApi | undefined> {
  const file = await readApiFile(findDataDir({ flag: data, env: context.env }))
  if (file === undefined) return undefined
  const api = createApiClient(file, context.signal)
  try {
    await api.health()
    return api
  } catch (error) {
    context.signal.throwIfAborted()
    if (isAlive(file.pid)) throw error
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false
  )
}

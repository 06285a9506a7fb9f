import { execFile } from 'node:child_process'

/** What systemd hears of a node. sd_notify(3) */
export interface Notifier {
  readonly ready: (status: string) => Promise<void>
  readonly close: () => void
}

type Env = Readonly<Record<string, string | undefined>>

const NOBODY: Notifier = { ready: async () => undefined, close: () => undefined }

/**
 * Tells systemd when the node is up, and from then on, twice in each watchdog period, that its event loop turns: a loop that hangs
 * does not say so, and the node is started anew. Node.js has no datagram sockets of the file system, so systemd's own tool sends it.
 */
export function createNotifier(env: Env, tell: (state: string) => Promise<void> = systemdNotify): Notifier {
  if (env['NOTIFY_SOCKET'] === undefined) return NOBODY
  const periodMs = Number(env['WATCHDOG_USEC']) / 1000
  let beat: NodeJS.Timeout | undefined
  return {
    ready: async (status) => {
      await tell(`READY=1\nSTATUS=${status.replace(/\p{Cc}/gu, ' ')}`)
      if (!(periodMs > 0)) return
      beat = setInterval(() => void tell('WATCHDOG=1'), periodMs / 2)
    },
    close: () => {
      clearInterval(beat)
    }
  }
}

/** A word that gets lost costs a beat: the next one comes. */
async function systemdNotify(state: string): Promise<void> {
  return new Promise((resolve) => {
    execFile('systemd-notify', state.split('\n'), () => {
      resolve()
    })
  })
}

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { within } from '../support/spawn-node.ts'
import { connected, useE2e } from './e2e-kit.ts'

const kit = useE2e({ mdns: true, settings: { roles: ['index'] } })

/** That of mDNS, on a port of our own. */
const GROUP = '224.0.0.251'
const ECHO_MS = 2_000

/** Whether this machine hears itself on the local network: in a container without one, nothing can be found there. */
async function hasMulticast(): Promise<boolean> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  try {
    socket.bind(0)
    await once(socket, 'listening')
    socket.addMembership(GROUP)
    socket.setMulticastLoopback(true)
    const heard = once(socket, 'message')
    heard.catch(() => undefined)
    socket.send('hello', socket.address().port, GROUP)
    await within(ECHO_MS, 'an echo', heard)
    return true
  } catch {
    return false
  } finally {
    socket.close()
  }
}

test('join without a ticket finds the mesh of the local network that takes newcomers, and no other', async () => {
  const isHeard = await hasMulticast()
  const closed = kit.yard.node('closed')
  await closed.start()
  const loner = kit.yard.node('loner')
  expect(await loner.start()).toMatchObject({ founded: true, mesh: 'loner mesh' })
  if (isHeard) expect(loner.log).toContain('the mesh closed mesh is here, but takes only nodes with a ticket')

  const open = kit.yard.node('open', { acceptLan: true })
  expect(await open.start()).toMatchObject({ founded: true })
  const newcomer = kit.yard.node('newcomer')
  const joined = await newcomer.start()
  expect(joined).toMatchObject(
    isHeard ? { founded: false, mesh: 'open mesh' } : { founded: true, mesh: 'newcomer mesh' }
  )
  if (isHeard) await connected([open, newcomer])
})

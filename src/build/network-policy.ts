import { BlockList, isIP } from 'node:net'
import { normalizeName } from '../core/distribution.ts'
import { NETWORK_RULE } from '../core/network-rule.ts'

/** The hosts that the rules give to a project, `*.` before those whose subdomains are meant. */
export function allowedHosts(rules: readonly string[], project: string): readonly string[] {
  return rules.flatMap((rule) => {
    const [, name = '', host = ''] = NETWORK_RULE.exec(rule) ?? []
    return name !== '' && normalizeName(name) === project ? [host] : []
  })
}

/** Whether a host is one of the allowed. A number is never: names are what people can judge. */
export function isAllowedHost(host: string, allowed: readonly string[]): boolean {
  const name = host.toLowerCase()
  if (isIP(name) !== 0) return false
  return allowed.some((pattern) =>
    pattern.startsWith('*.')
      ? name.endsWith(pattern.slice(1)) && name.length > pattern.length - 1
      : name === pattern
  )
}

/** The address blocks of IANA's special-purpose registries (RFC 6890) that are not of the public network, and multicast. */
const LOCAL: readonly (readonly [net: string, prefix: number, family: 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.0.2.0', 24, 'ipv4'],
  ['192.88.99.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['198.51.100.0', 24, 'ipv4'],
  ['203.0.113.0', 24, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4']
]
/** Of IPv6 the global unicast block alone is public; these parts of it are not, or lead to IPv4 addresses. */
const IPV6_PUBLIC: readonly [string, number] = ['2000::', 3]
const IPV6_LOCAL: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20]
]

const localBlocks = new BlockList()
for (const [net, prefix, family] of LOCAL) localBlocks.addSubnet(net, prefix, family)
for (const [net, prefix] of IPV6_LOCAL) localBlocks.addSubnet(net, prefix, 'ipv6')
const publicIpv6 = new BlockList()
publicIpv6.addSubnet(...IPV6_PUBLIC, 'ipv6')

/** `false` for every address of this machine, of its networks, or of no network at all. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return !localBlocks.check(address, 'ipv4')
  return family === 6 && publicIpv6.check(address, 'ipv6') && !localBlocks.check(address, 'ipv6')
}

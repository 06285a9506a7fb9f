import { describe, expect, test } from 'vitest'
import { allowedHosts, isAllowedHost, isPublicAddress } from '../../src/build/network-policy.ts'

describe('which hosts a project may reach', () => {
  const rules = ['Demo_Pkg=files.example.org', 'demo-pkg=*.example.com', 'other=example.net']

  test('rules hold for one project, however its name is written', () => {
    expect(allowedHosts(rules, 'demo-pkg')).toEqual(['files.example.org', '*.example.com'])
    expect(allowedHosts(rules, 'demo')).toEqual([])
  })

  test.each([
    'demo=localhost',
    'demo=127.0.0.1',
    'demo=*',
    'demo=*.',
    'demo=a.b:8080',
    'demo=[::1]',
    '=a.b',
    'demo',
    'demo=https://a.b'
  ])('%s is no rule', (rule) => {
    expect(allowedHosts([rule], 'demo')).toEqual([])
  })

  test.each([
    ['files.example.org', true],
    ['FILES.example.org', true],
    ['a.b.example.com', true],
    ['example.com', false],
    ['notexample.com', false],
    ['.example.com', false],
    ['xfiles.example.org', false],
    ['files.example.org.evil.net', false],
    ['93.184.216.34', false],
    ['', false]
  ])('%s: %s', (host, expected) => {
    expect(isAllowedHost(host, allowedHosts(rules, 'demo-pkg'))).toBe(expected)
  })
})

test.each([
  ...[
    '127.0.0.1',
    '10.1.2.3',
    '172.31.0.1',
    '192.168.1.1',
    '169.254.1.1',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1'
  ],
  ...['255.255.255.255', '::1', '::', 'fe80::1', 'fd00::1', '::ffff:127.0.0.1', '64:ff9b::7f00:1', 'ff02::1'],
  ...['2002:7f00:1::', '2001:0:7f00:1::', 'no address', '']
])('%s is not of the public network', (address) => {
  expect(isPublicAddress(address)).toBe(false)
})

test.each(['93.184.216.34', '172.32.0.1', '2606:2800:220:1::1'])('%s is of the public network', (address) => {
  expect(isPublicAddress(address)).toBe(true)
})

/** Compiled releases with their digests' place in the index: exact versions, whose builds need nothing of the system but a C compiler. */
export const RELEASES: readonly (readonly [project: string, version: string])[] = [
  ['markupsafe', '3.0.2'],
  ['ujson', '5.10.0'],
  ['simplejson', '3.19.3'],
  ['wrapt', '1.16.0'],
  ['msgpack', '1.1.0'],
  ['multidict', '6.1.0'],
  ['frozenlist', '1.5.0'],
  ['pyyaml', '6.0.2'],
  ['bitarray', '3.0.0'],
  ['regex', '2024.11.6']
]

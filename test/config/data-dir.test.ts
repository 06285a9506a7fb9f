import { afterEach, describe, expect, test, vi } from 'vitest'
import { SYSTEM_DATA_DIR, findDataDir } from '../../src/config/data-dir.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

describe('data folder', () => {
  const cases = [
    { id: 'the flag first', flag: '/a', env: { COMMONWHEEL_DATA_DIR: '/b' }, uid: 0, found: '/a' },
    { id: 'then the variable', env: { COMMONWHEEL_DATA_DIR: '/b', HOME: '/home/ada' }, uid: 0, found: '/b' },
    { id: 'a dotted path as a plain one', flag: '/a/../c/', env: {}, uid: 1000, found: '/c' },
    { id: 'the system’s for root', env: { XDG_DATA_HOME: '/x' }, uid: 0, found: SYSTEM_DATA_DIR },
    { id: 'the user’s', env: { HOME: '/home/ada' }, uid: 1000, found: '/home/ada/.local/share/commonwheel' },
    { id: 'where XDG says', env: { XDG_DATA_HOME: '/x', HOME: '/h' }, uid: 1000, found: '/x/commonwheel' },
    {
      id: 'not where XDG says something relative',
      env: { XDG_DATA_HOME: 'x', HOME: '/h' },
      uid: 1000,
      found: '/h/.local/share/commonwheel'
    }
  ]
  test.for(cases)('$id', ({ flag, env, uid, found }) => {
    vi.spyOn(process as { getuid: () => number }, 'getuid').mockReturnValue(uid)
    expect(findDataDir({ flag, env })).toBe(found)
  })

  test('a variable that is empty is refused', () => {
    expect(() => findDataDir({ env: { COMMONWHEEL_DATA_DIR: '' } })).toThrow(/source=COMMONWHEEL_DATA_DIR/)
  })
})

/** How a release is made: what a builder must have for it. */
export type Kind = 'pure' | 'c' | 'cython' | 'rust' | 'fails'

export interface NamedRelease {
  readonly project: string
  readonly version: string
  readonly kind: Kind
  /** The cause by which it must fail on every builder; absent: it must build where the toolchain list is installed. */
  readonly cause?: string
  /** Of the toolchain list, what it cannot do without: with none of them it fails for want of one of these. */
  readonly needs?: readonly string[]
}

/** Written in Python alone, and with no wheel upstream: nobody can install them without building. */
const PURE: readonly string[] = [
  'docopt==0.6.2',
  'future==0.18.3',
  'termcolor==1.1.0',
  'httpretty==1.1.4',
  'pyperclip==1.8.2',
  'antlr4-python3-runtime==4.9.3',
  'retrying==1.3.3',
  'wget==3.2',
  'sgmllib3k==1.0.0',
  'wikipedia==1.4.0',
  'PyPDF2==1.26.0',
  'avro-python3==1.10.2',
  'odfpy==1.4.1',
  'stringcase==1.2.0',
  'untokenize==0.1.1',
  'ratelimit==2.2.1',
  'progress==1.6',
  'fire==0.5.0',
  'seqeval==1.2.2',
  'emoji==1.7.0'
]

/** With C or C++, and the libraries of the system that they are compiled against. */
const COMPILED: readonly (readonly [release: string, ...needs: readonly string[]])[] = [
  ['MarkupSafe==2.1.5'],
  ['psutil==5.9.8'],
  ['bitarray==2.9.2'],
  ['setproctitle==1.3.3'],
  ['xxhash==3.4.1'],
  ['RPi.GPIO==0.7.1'],
  ['spidev==3.6'],
  ['lz4==4.3.3'],
  ['ruamel.yaml.clib==0.2.8'],
  ['ujson==5.9.0', 'g++'],
  ['greenlet==3.0.3', 'g++'],
  ['kiwisolver==1.4.5', 'g++'],
  ['cffi==1.16.0', 'libffi-dev'],
  ['psycopg2==2.9.9', 'libpq-dev'],
  ['mysqlclient==2.1.1', 'default-libmysqlclient-dev'],
  ['python-ldap==3.4.4', 'libldap-dev', 'libsasl2-dev'],
  ['pycurl==7.45.2', 'libcurl4-openssl-dev'],
  ['Pillow==10.2.0', 'libjpeg-dev', 'zlib1g-dev'],
  ['pycairo==1.25.1', 'libcairo2-dev', 'pkg-config'],
  ['dbus-python==1.3.2', 'libdbus-1-dev', 'libglib2.0-dev', 'pkg-config', 'meson', 'ninja-build', 'patchelf'],
  ['python-prctl==1.8.1', 'libcap-dev'],
  ['systemd-python==235', 'libsystemd-dev', 'pkg-config'],
  ['pyodbc==5.1.0', 'unixodbc-dev', 'g++'],
  ['gmpy2==2.1.5', 'libgmp-dev', 'libmpfr-dev', 'libmpc-dev'],
  ['lxml==4.9.4', 'libxml2-dev', 'libxslt1-dev']
]

/** Translated to C by Cython as they are built. */
const CYTHON: readonly (readonly [release: string, ...needs: readonly string[]])[] = [
  ['PyYAML==6.0.1'],
  ['msgpack==1.0.7', 'g++'],
  ['yarl==1.9.4'],
  ['cytoolz==0.12.3'],
  ['hidapi==0.14.0.post4', 'libusb-1.0-0-dev', 'libudev-dev', 'pkg-config']
]

/** With crates that come ahead, since no build gets the network. */
const RUST: readonly (readonly [release: string, ...needs: readonly string[]])[] = [
  ['bcrypt==4.1.3', 'cargo', 'rustc'],
  ['rpds-py==0.18.1', 'cargo', 'rustc'],
  ['cryptography==42.0.8', 'cargo', 'rustc', 'libssl-dev', 'libffi-dev'],
  ['orjson==3.9.15', 'cargo', 'rustc'],
  ['watchfiles==0.21.0', 'cargo', 'rustc']
]

/** Each for a reason of its own that no builder can help. */
const FAILS: readonly (readonly [release: string, cause: string, ...needs: readonly string[]])[] = [
  // `use_2to3`: code of Python 2 that setuptools of long ago would have rewritten.
  ['PyBluez==0.23', 'python2-only'],
  // A library that Debian does not have.
  ['TA-Lib==0.4.28', 'missing-header'],
  // Its setup.py downloads a program of some 10 MB.
  ['chromedriver-binary==121.0.6167.85.0', 'wants-network'],
  // An `extras_require` that is no valid requirement (PEP 508).
  ['gym==0.21.0', 'bad-metadata'],
  // C code that includes a header which Python took away in 3.11.
  ['cchardet==2.1.7', 'python-too-new', 'g++']
]

/** Sixty releases of the public index, by name and exact version, and what must become of each. */
export const SIXTY: readonly NamedRelease[] = [
  ...PURE.map((release) => named(release, 'pure')),
  ...COMPILED.map(([release, ...needs]) => named(release, 'c', { needs })),
  ...CYTHON.map(([release, ...needs]) => named(release, 'cython', { needs })),
  ...FAILS.map(([release, cause, ...needs]) => named(release, 'fails', { cause, needs })),
  ...RUST.map(([release, ...needs]) => named(release, 'rust', { needs }))
]

function named(release: string, kind: Kind, more: Partial<NamedRelease> = {}): NamedRelease {
  const [project = '', version = ''] = release.split('==')
  return { project, version, kind, ...more }
}

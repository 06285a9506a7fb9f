/** A log of the length and the kind that a failed build of cffi leaves. */
export function failedLog(): string {
  const head = [
    '== cffi 2.0.0 for cp313-linux_armv7l-glibc2.41 on pi-attic',
    '== fetch: cffi-2.0.0.tar.gz, 523321 bytes, sha256 as upstream lists it',
    '== requirements: setuptools>=66.1',
    'Looking in indexes: http://127.0.0.1:8080/simple/',
    'Collecting setuptools>=66.1',
    '  Downloading setuptools-80.9.0-py3-none-any.whl (1.2 MB)',
    'Saved ./setuptools-80.9.0-py3-none-any.whl',
    'Successfully downloaded setuptools',
    '== build',
    'Processing /build/src/cffi-2.0.0',
    '  Preparing metadata (pyproject.toml): started',
    "  Preparing metadata (pyproject.toml): finished with status 'done'",
    'Building wheels for collected packages: cffi',
    '  Building wheel for cffi (pyproject.toml): started',
    '  running bdist_wheel',
    '  running build',
    '  running build_py',
    '  creating build/lib.linux-armv7l-cpython-313/cffi'
  ]
  const modules = [
    'api',
    'backend_ctypes',
    'cffi_opcode',
    'commontypes',
    'cparser',
    'error',
    'ffiplatform',
    'lock',
    'model',
    'pkgconfig',
    'recompiler',
    'setuptools_ext',
    'vengine_cpy',
    'vengine_gen',
    'verifier'
  ]
  const copies = modules.map(
    (name) => `  copying src/cffi/${name}.py -> build/lib.linux-armv7l-cpython-313/cffi`
  )
  const checks = Array.from(
    { length: 700 },
    (_, at) =>
      `  checking for feature ${String(at + 1).padStart(3, '0')} of the C library... ${at % 7 === 0 ? 'no' : 'yes'}`
  )
  const compile = [
    '  running build_ext',
    "  building '_cffi_backend' extension",
    '  creating build/temp.linux-armv7l-cpython-313/src/c',
    '  arm-linux-gnueabihf-gcc -fno-strict-overflow -Wsign-compare -DNDEBUG -g -O2 -Wall -fPIC -DFFI_BUILDING=1 -I/usr/include/python3.13 -c src/c/_cffi_backend.c -o build/temp.linux-armv7l-cpython-313/src/c/_cffi_backend.o',
    '  src/c/_cffi_backend.c:15:10: fatal error: ffi.h: No such file or directory',
    '     15 | #include <ffi.h>',
    '        |          ^~~~~~~',
    '  compilation terminated.',
    "  error: command '/usr/bin/arm-linux-gnueabihf-gcc' failed with exit code 1",
    '  error: subprocess-exited-with-error',
    '  ',
    '  × Building wheel for cffi (pyproject.toml) did not run successfully.',
    '  │ exit code: 1',
    '  ╰─> See above for output.',
    '  ',
    '  note: This error originates from a subprocess, and is likely not a problem with pip.',
    '  ERROR: Failed building wheel for cffi',
    'Failed to build cffi',
    'ERROR: Failed to build one or more wheels',
    '== the header ffi.h is missing: apt install libffi-dev'
  ]
  return `${[...head, ...copies, ...checks, ...compile].join('\n')}\n`
}

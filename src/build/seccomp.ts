/** System calls that no build needs, by number on x86-64, on 64-bit ARM and on 32-bit ARM (EABI). */
const DENIED: Readonly<Record<string, readonly [x64: number, arm64: number, arm: number]>> = {
  ptrace: [101, 117, 26],
  add_key: [248, 217, 309],
  request_key: [249, 218, 310],
  keyctl: [250, 219, 311],
  bpf: [321, 280, 386],
  userfaultfd: [323, 282, 388],
  perf_event_open: [298, 241, 364],
  io_uring_setup: [425, 425, 425],
  io_uring_enter: [426, 426, 426],
  io_uring_register: [427, 427, 427],
  mount: [165, 40, 21],
  umount2: [166, 39, 52],
  pivot_root: [155, 41, 218],
  chroot: [161, 51, 61],
  unshare: [272, 97, 337],
  setns: [308, 268, 375],
  open_by_handle_at: [304, 265, 371],
  open_tree: [428, 428, 428],
  move_mount: [429, 429, 429],
  fsopen: [430, 430, 430],
  fsconfig: [431, 431, 431],
  fsmount: [432, 432, 432],
  mount_setattr: [442, 442, 442],
  kexec_load: [246, 104, 347],
  syslog: [103, 116, 103],
  init_module: [175, 105, 128],
  finit_module: [313, 273, 379],
  delete_module: [176, 106, 129],
  swapon: [167, 224, 87],
  reboot: [169, 142, 88],
  acct: [163, 89, 51],
  quotactl: [179, 60, 131]
}
const CLONE3 = [435, 435, 435] as const
const SOCKET = [41, 198, 281] as const
/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK. AF_VSOCK and others are not held by a network namespace. */
const SOCKET_FAMILIES: readonly number[] = [1, 2, 10, 16]

/** AUDIT_ARCH_* of linux/audit.h, in the order of the columns above. */
const ARCHES = [
  { audit: 0xc000003e, column: 0 },
  { audit: 0xc00000b7, column: 1 },
  { audit: 0x40000028, column: 2 }
] as const

const LOAD = 0x20
const JUMP = 0x05
const JUMP_IF_EQUAL = 0x15
const JUMP_IF_AT_LEAST = 0x35
const RETURN = 0x06
const ALLOW = 0x7fff0000
const KILL_PROCESS = 0x80000000
const ERRNO = 0x00050000
const EPERM = 1
const ENOSYS = 38
const EAFNOSUPPORT = 97
/** Offsets into struct seccomp_data. */
const SYSCALL_NUMBER = 0
const ARCHITECTURE = 4
const FIRST_ARGUMENT = 16
/** x32 system calls on x86-64 would slip past the numbers above. */
const X32_BIT = 0x40000000

/**
 * The filter for bwrap's `--add-seccomp-fd`, as BPF. It always knows all three architectures: a 64-bit kernel runs 32-bit
 * programs, and under user-mode emulation the kernel sees the real machine's calls. Any other architecture is killed.
 */
export function seccompFilter(): Uint8Array {
  const parts = ARCHES.flatMap(({ audit, column }) => {
    const body = bodyFor(column)
    // Conditional jumps have 8 bits: skip the body by a long jump when the architecture is another.
    return [
      instruction(LOAD, ARCHITECTURE),
      instruction(JUMP_IF_EQUAL, audit, [1, 0]),
      instruction(JUMP, body.length),
      ...body
    ]
  })
  return Buffer.concat([...parts, instruction(RETURN, KILL_PROCESS)])
}

function bodyFor(column: 0 | 1 | 2): Buffer[] {
  const x32 =
    column === 0 ? [instruction(JUMP_IF_AT_LEAST, X32_BIT, [0, 1]), instruction(RETURN, ERRNO | ENOSYS)] : []
  const denied = Object.values(DENIED).flatMap((numbers) => [
    instruction(JUMP_IF_EQUAL, numbers[column], [0, 1]),
    instruction(RETURN, ERRNO | EPERM)
  ])
  // ENOSYS makes glibc fall back to clone(), whose flags bwrap's --disable-userns has tamed.
  const clone3 = [instruction(JUMP_IF_EQUAL, CLONE3[column], [0, 1]), instruction(RETURN, ERRNO | ENOSYS)]
  return [instruction(LOAD, SYSCALL_NUMBER), ...x32, ...denied, ...clone3, ...socketRule(SOCKET[column])]
}

function socketRule(socketNumber: number): Buffer[] {
  const count = SOCKET_FAMILIES.length
  return [
    instruction(JUMP_IF_EQUAL, socketNumber, [0, count + 2]),
    instruction(LOAD, FIRST_ARGUMENT),
    ...SOCKET_FAMILIES.map((family, i) => instruction(JUMP_IF_EQUAL, family, [count - i, 0])),
    instruction(RETURN, ERRNO | EAFNOSUPPORT),
    instruction(RETURN, ALLOW)
  ]
}

function instruction(code: number, operand: number, [ifTrue, ifFalse]: readonly number[] = [0, 0]): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt16LE(code, 0)
  bytes.writeUInt8(ifTrue ?? 0, 2)
  bytes.writeUInt8(ifFalse ?? 0, 3)
  bytes.writeUInt32LE(operand >>> 0, 4)
  return bytes
}

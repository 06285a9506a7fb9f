type Numbers = readonly [x64: number | undefined, arm64: number | undefined, arm: number | undefined]

/** System calls that no build needs, by number on x86-64, on 64-bit ARM and on 32-bit ARM (EABI); undefined: it is not there. */
const DENIED: Readonly<Record<string, Numbers>> = {
  // other processes
  ptrace: [101, 117, 26],
  process_vm_readv: [310, 270, 376],
  process_vm_writev: [311, 271, 377],
  kcmp: [312, 272, 378],
  pidfd_getfd: [438, 438, 438],
  move_pages: [279, 239, 344],
  migrate_pages: [256, 238, 400],
  // keys are not held by any namespace
  add_key: [248, 217, 309],
  request_key: [249, 218, 310],
  keyctl: [250, 219, 311],
  // large kernel surfaces
  bpf: [321, 280, 386],
  userfaultfd: [323, 282, 388],
  perf_event_open: [298, 241, 364],
  io_uring_setup: [425, 425, 425],
  io_uring_enter: [426, 426, 426],
  io_uring_register: [427, 427, 427],
  fanotify_init: [300, 262, 367],
  lookup_dcookie: [212, 18, 249],
  modify_ldt: [154, undefined, undefined],
  // mounts and namespaces
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
  fspick: [433, 433, 433],
  mount_setattr: [442, 442, 442],
  statmount: [457, 457, 457],
  listmount: [458, 458, 458],
  open_tree_attr: [467, 467, 467],
  listns: [470, 470, 470],
  // the machine itself
  kexec_load: [246, 104, 347],
  kexec_file_load: [320, 294, 401],
  syslog: [103, 116, 103],
  init_module: [175, 105, 128],
  finit_module: [313, 273, 379],
  delete_module: [176, 106, 129],
  swapon: [167, 224, 87],
  swapoff: [168, 225, 115],
  reboot: [169, 142, 88],
  acct: [163, 89, 51],
  quotactl: [179, 60, 131],
  quotactl_fd: [443, 443, 443],
  sethostname: [170, 161, 74],
  setdomainname: [171, 162, 121],
  settimeofday: [164, 170, 79],
  clock_settime: [227, 112, 262],
  vhangup: [153, 58, 111],
  iopl: [172, undefined, undefined],
  ioperm: [173, undefined, undefined]
}

/**
 * Answered as by a kernel that does not know them, so that programs fall back. clone3: its flags lie in memory, where no filter
 * sees them; glibc falls back to clone. The others make memory that is in no process's resident size, so that no watch sees it.
 */
const UNKNOWN: Readonly<Record<string, Numbers>> = {
  clone3: [435, 435, 435],
  memfd_create: [319, 279, 385],
  memfd_secret: [447, 447, undefined],
  shmget: [29, 194, 307]
}
const CLONE = [56, 220, 120] as const
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. */
const NAMESPACE_FLAGS = 0x7e020000
const IOCTL = [16, 29, 54] as const
/** TIOCSTI and TIOCLINUX put words into a terminal's input. */
const TERMINAL_REQUESTS: readonly number[] = [0x5412, 0x541c]
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
const JUMP_IF_ANY_BIT = 0x45
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
const SECOND_ARGUMENT = 24
/** x32 system calls on x86-64 would slip past the numbers above. */
const X32_BIT = 0x40000000

/**
 * The filter for bwrap's `--add-seccomp-fd`, as BPF. It always knows all three architectures: a 64-bit kernel runs 32-bit
 * programs, and under user-mode emulation the kernel sees the real machine's calls. Any other architecture, i386 among
 * them, is killed.
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
  return [
    instruction(LOAD, SYSCALL_NUMBER),
    ...x32,
    ...answers(DENIED, column, EPERM),
    ...answers(UNKNOWN, column, ENOSYS),
    ...cloneRule(CLONE[column]),
    ...ioctlRule(IOCTL[column]),
    ...socketRule(SOCKET[column])
  ]
}

function answers(calls: Readonly<Record<string, Numbers>>, column: 0 | 1 | 2, errno: number): Buffer[] {
  return Object.values(calls).flatMap((numbers) => {
    const number = numbers[column]
    if (number === undefined) return []
    return [instruction(JUMP_IF_EQUAL, number, [0, 1]), instruction(RETURN, ERRNO | errno)]
  })
}

/** bwrap's --disable-userns holds user namespaces already; others need one first. */
function cloneRule(cloneNumber: number): Buffer[] {
  return [
    instruction(JUMP_IF_EQUAL, cloneNumber, [0, 4]),
    instruction(LOAD, FIRST_ARGUMENT),
    instruction(JUMP_IF_ANY_BIT, NAMESPACE_FLAGS, [0, 1]),
    instruction(RETURN, ERRNO | EPERM),
    instruction(RETURN, ALLOW)
  ]
}

function ioctlRule(ioctlNumber: number): Buffer[] {
  const count = TERMINAL_REQUESTS.length
  return [
    instruction(JUMP_IF_EQUAL, ioctlNumber, [0, count + 3]),
    instruction(LOAD, SECOND_ARGUMENT),
    ...TERMINAL_REQUESTS.map((request, i) => instruction(JUMP_IF_EQUAL, request, [count - i, 0])),
    instruction(RETURN, ALLOW),
    instruction(RETURN, ERRNO | EPERM)
  ]
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

import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A toolchain that does what cargo does on the outside: asks a registry, fills its cache, and says how it was called. */
export interface FakeRust {
  readonly folder: string
  remove(): Promise<void>
}

const CARGO = `
import os, re, sys, urllib.request

home = os.environ["CARGO_HOME"]
cache = os.path.join(home, "registry", "cache", "fixture-0123456789abcdef")
print("fake cargo", sys.argv[1:], "in", os.getcwd(), "offline", os.environ.get("CARGO_NET_OFFLINE"))
if sys.argv[1] == "fetch":
    lock = os.path.join(os.path.dirname(sys.argv[-1]), "Cargo.lock")
    if not os.path.exists(lock):
        assert "--locked" not in sys.argv
        with open(lock, "w") as out:
            out.write("version = 4\\n")
    base = re.search('"sparse[+]([^"]+)"', open(os.path.join(home, "config.toml")).read()).group(1)
    os.makedirs(cache, exist_ok=True)
    for name, version in re.findall('name = "([^"]+)"\\nversion = "([^"]+)"\\nsource', open(lock).read()):
        place = os.path.join(cache, "%s-%s.crate" % (name, version))
        if not os.path.exists(place):
            data = urllib.request.urlopen("%s%s/%s" % (base, name, version), timeout=10).read()
            with open(place, "wb") as out:
                out.write(data)
else:
    print("crates", sorted(os.listdir(cache)))
`

export async function makeFakeRust(): Promise<FakeRust> {
  const folder = await mkdtemp(join(tmpdir(), 'cw-rust-'))
  const bin = join(folder, 'bin')
  await mkdir(bin)
  await chmod(folder, 0o755)
  await writeFile(join(bin, 'cargo.py'), CARGO)
  const cargo =
    '#!/bin/sh\nif [ "$1" = --version ]; then echo cargo 9.9.9; else exec python3 "$0.py" "$@"; fi\n'
  await writeFile(join(bin, 'cargo'), cargo, { mode: 0o755 })
  await writeFile(join(bin, 'rustc'), '#!/bin/sh\necho "rustc 9.9.9 (fixture)"\n', { mode: 0o755 })
  return { folder, remove: async () => rm(folder, { recursive: true, force: true }) }
}

export interface CrateRegistry {
  /** Of a cargo home whose configuration names this registry in the place of the public one. */
  readonly machine: Readonly<Record<string, string>>
  /** `name/version` of each download. */
  readonly asked: string[]
  close(): Promise<void>
}

/** Gives `crate NAME/VERSION` for every crate; the configuration also holds what must not get into a sandbox. */
export async function startCrateRegistry(): Promise<CrateRegistry> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push((request.url ?? '').slice('/index/'.length))
    response.end(`crate ${(request.url ?? '').slice('/index/'.length)}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/index/`
  const home = await mkdtemp(join(tmpdir(), 'cw-cargo-'))
  const config = [
    '[source.crates-io]',
    'replace-with = "fixture"',
    '[source.fixture]',
    `registry = "sparse+${url}"`,
    '[registry]',
    'token = "secret-token"',
    'global-credential-providers = ["/bin/false"]',
    '[build]',
    'rustc-wrapper = "/bin/false"',
    '[http]',
    'proxy = "user:secret-word@127.0.0.1:9"'
  ]
  await writeFile(join(home, 'config.toml'), `${config.join('\n')}\n`)
  return {
    machine: { CARGO_HOME: home },
    asked,
    close: async () => {
      server.close()
      await rm(home, { recursive: true, force: true })
    }
  }
}

"""Writes pep440.json beside itself: what Python's `packaging` says about versions and specifiers.

Run: python3 test/vectors/generate-pep440.py      (with packaging >= 26 importable)
"""

import itertools
import json
import pathlib
import random

import packaging
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

VALID = """
1.0.dev456 1.0a1 1.0a2.dev456 1.0a12.dev456 1.0a12 1.0b1.dev456 1.0b2 1.0b2.post345.dev456 1.0b2.post345
1.0rc1.dev456 1.0rc1 1.0 1.0+abc.5 1.0+abc.7 1.0+5 1.0+5.1 1.0+a 1.0+1a 1.0.post456.dev34 1.0.post456 1.1.dev1
1!1.0.dev456 1!1.0 1!1.0.post1 1!1.1 0!1.0 1.0.0 1.0.0.0 1 01.002.0003 v1.0 V2.0 1.0alpha 1.0.ALPHA3 1.0-beta_4
1.0c1 1.0preview2 1.0pre 1.0_rc-3 1.0-1 1.0-02 1.0.post 1.0rev4 1.0-r5 1.0_post_6 1.0dev 1.0-DEV7 1.0.dev08
1.0+Ubuntu-1 1.0+ubuntu_2.003 1.2 1.2.0 1.2.3 1.2.3.4 1.2.10 1.10 1.9 2 2.0 2.0.post1 2.0a1 2.0.post1.dev1 3.0.dev1
2004b 2012.08.31.11.58.20140919153012 20240101123456789012345.1 20240101123456789012346.1 0 0.0 0.0.dev0 0a0 1.0a1.post1
1.0a1.post1.dev2+local.1 1!2.0+x 2!0 0.9.9.dev0+g1234567 1.0rc1+abc 1.0.post1+1 1.0.dev1+0
""".split()

INVALID = ["", "a", "1..0", "1.0+", "1.0+_a", "1.0-", "1.0a1a2", "1.0.*", "1!", "!1", "1.0 2", "1.0+a+b", "french toast",
           "1.0.post1.a1", "1.0--1", "1.0.dev1.post1", "-1", "1.0a.1.2", "1_0", "1.0_", "\u0661.0", "1.0+\u00e9", "1.0\u017fa"]

BOUNDS = """1.0 1 1.0.0 1.0a1 1.0.dev456 1.0rc1 1.0.post456 1.0.post456.dev34 1.0b2.post345 1.1 1.2.3 2 2.0 2.0.post1 1!1.0
1!1.0.post1 0 0.0.dev0 v1.2 1.2-1 20240101123456789012345""".split()
LOCAL_BOUNDS = ["1.0+abc.5", "1.0+ABC.7", "1.0.0+5", "1.0+5.1", "1!2.0+x"]
PREFIXES = ["1.*", "1.0.*", "1.0.0.*", "1.2.*", "1.2.3.*", "1!1.*", "0.*", "2.0.0.0.*", "v1.0.*", "01.2.*"]
SETS = [">=1.0,<2", ">=1.0a1,<2", "!=1.0,>=1", ">1.0,!=1.2.*", "~=1.0,!=1.2.3", ">=1.0,", ",>=1.0", "", " >= 1.0 , < 2 ",
        ">=1,<1", "==1.*,>1.0", "<2.0a1", ">1.0.dev1", "!=1.0a1,<2", "===1.0", "===1.0.0", "===1.0A1"]
BAD_SPECIFIERS = ["1.0", "=1.0", "=>1.0", ">=1.0.*", "~=1", "~=1.0+abc", ">=1.0+abc", "<1.0+abc", "==1.0a1.*", "==1.0.*.1",
                  "==", "~=1.*", ">= ", "==1.0 1.1", "<>1.0", "==*", ">=1.0;", "!=1.0.post1.*", "==1..*", ">=3.6.*,<4", "~1.0"]


def random_versions(count):
    rng = random.Random(440)
    for _ in range(count):
        text = rng.choice(["", "", "", "1!"]) + ".".join(str(rng.choice([0, 0, 1, 1, 2, 10])) for _ in range(rng.randint(1, 4)))
        text += rng.choice(["", "", "", "a1", "b0", "rc2", "alpha", "-pre-1"])
        text += rng.choice(["", "", "", ".post1", "-2", ".post"])
        text += rng.choice(["", "", "", ".dev0", "dev3"])
        text += rng.choice(["", "", "", "", "+a", "+1", "+a.1", "+1.a"])
        yield text


def main():
    for text in VALID:
        Version(text)
    for text in INVALID:
        try:
            Version(text)
        except InvalidVersion:
            continue
        raise SystemExit(f"valid after all: {text!r}")
    for text in BAD_SPECIFIERS:
        try:
            SpecifierSet(text)
        except InvalidSpecifier:
            continue
        raise SystemExit(f"valid after all: {text!r}")

    texts = list(dict.fromkeys(VALID + list(random_versions(160))))
    ordered = sorted(((Version(t), t) for t in texts))
    groups = [[t for _, t in g] for _, g in itertools.groupby(ordered, key=lambda pair: pair[0])]

    specifiers = [op + b for op in ("==", "!=", "<", "<=", ">", ">=") for b in BOUNDS]
    specifiers += ["~=" + b for b in BOUNDS if "." in b.split("!")[-1] and Version(b).release[1:]]
    specifiers += [op + b for op in ("==", "!=") for b in LOCAL_BOUNDS + PREFIXES] + SETS
    candidates = sorted({str(Version(t)) for t in texts}, key=lambda t: (Version(t), t))
    checks = {}
    for spec in specifiers:
        found = SpecifierSet(spec)
        # One character a candidate: 1 when the set holds it with pre-releases let in.
        checks[spec] = "".join("01"[found.contains(c, prereleases=True)] for c in candidates)
    out = {
        "generator": "test/vectors/generate-pep440.py",
        "packaging": packaging.__version__,
        "normalized": {t: str(Version(t)) for t in texts},
        "prereleases": [t for t in texts if Version(t).is_prerelease],
        "invalidVersions": INVALID,
        "ascendingGroupsOfEquals": groups,
        "candidates": candidates,
        "specifiers": checks,
        "namesPrerelease": {s: bool(SpecifierSet(s).prereleases) for s in specifiers},
        "invalidSpecifiers": BAD_SPECIFIERS,
    }
    path = pathlib.Path(__file__).with_name("pep440.json")
    path.write_text(json.dumps(out, indent=1, ensure_ascii=True) + "\n")
    print(f"{len(texts)} versions, {len(specifiers)} specifiers, {len(specifiers) * len(candidates)} checks")


main()

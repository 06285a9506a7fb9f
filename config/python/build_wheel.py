"""Builds a wheel with pip in an environment that is there already, or says what that environment lacks.

Runs inside the sandbox: python -I -c <this> PLAN, a JSON object with
  python        the environment's interpreter
  environment   the environment's folder
  source        the unpacked source tree
  requires      build-system.requires of its pyproject.toml
  backend, backendPath   who builds it
  ask           the program that asks the backend what more it needs
  pip           arguments of pip
Ends with status 17 after one line `commonwheel-requires [...]` when the environment does not have what is required. As pip's own
isolation does, the backend is asked each time; unlike there, nothing is installed for one build alone.
"""
import glob
import json
import os
import re
import subprocess
import sys

import pip
from pip._vendor.packaging.requirements import Requirement

LACKS = 17

os.umask(0o022)
plan = json.loads(sys.argv[1])


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def installed():
    found = {}
    for path in glob.glob(os.path.join(plan["environment"], "lib", "*", "site-packages", "*.dist-info")):
        name, _, version = os.path.basename(path)[: -len(".dist-info")].rpartition("-")
        found[normal(name)] = version
    return found


def is_met(text, have):
    requirement = Requirement(text)
    if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
        return True
    version = have.get(normal(requirement.name))
    return version is not None and requirement.specifier.contains(version, prereleases=True)


def check(requires):
    """What cannot be read is left to pip, which says what is wrong with it."""
    have = installed()
    for text in requires:
        try:
            met = is_met(text, have)
        except Exception:
            met = False
        if not met:
            print("\ncommonwheel-requires " + json.dumps(requires), flush=True)
            sys.exit(LACKS)


check(plan["requires"])
answer = os.path.join(os.environ.get("TMPDIR", "/tmp"), "commonwheel-requires.json")
question = [answer, plan["source"], plan["backend"]] + plan["backendPath"]
status = subprocess.call([plan["python"], "-c", plan["ask"]] + question)
if status != 0:
    sys.exit(1)
with open(answer) as lines:
    requires = json.load(lines)
os.unlink(answer)
if not isinstance(requires, list) or not all(isinstance(text, str) for text in requires):
    sys.exit("the build backend gave no list of requirements")
check(requires)
pip_folder = os.path.dirname(pip.__file__)
os.execv(plan["python"], [plan["python"], "-I", pip_folder, "wheel"] + plan["pip"])

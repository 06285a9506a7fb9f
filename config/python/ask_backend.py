"""Asks a source tree's build backend what more it needs (PEP 517 get_requires_for_build_wheel).

Runs inside the sandbox, by the environment's interpreter: python -c <this> ANSWER SOURCE BACKEND BACKEND_PATH... and writes a list
as JSON to the file ANSWER.
"""
import importlib
import json
import os
import sys

answer, source, backend = sys.argv[1:4]
backend_path = sys.argv[4:]
os.chdir(source)
# In a program of its own, `-c` has put the current folder in front, which pip does not.
if sys.path[:1] == [""]:
    del sys.path[0]
# As under pip: there are setup.py that look at every word, and fail at one without letters (ruamel.yaml.clib 0.2.8).
sys.argv[:] = ["_in_process.py", "get_requires_for_build_wheel", answer]
sys.path[:0] = [os.path.join(source, part) for part in backend_path]

module_name, _, attributes = backend.partition(":")
found = importlib.import_module(module_name)
for attribute in filter(None, attributes.split(".")):
    found = getattr(found, attribute)
hook = getattr(found, "get_requires_for_build_wheel", None)
requires = [str(requirement) for requirement in hook(None)] if hook is not None else []
with open(answer, "w") as out:
    json.dump(requires, out)

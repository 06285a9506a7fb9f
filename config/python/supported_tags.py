"""Lists the wheel tags that this interpreter's pip would install, best first, as one line of JSON."""
import json

import pip

try:
    from pip._vendor.packaging.tags import sys_tags

    tags = [str(tag) for tag in sys_tags()]
except ImportError:  # pip before 20
    from pip._internal.pep425tags import get_supported

    tags = ["-".join(tag) for tag in get_supported()]
try:
    from pip._internal.commands import create_command
except ImportError:  # pip before 19.3
    pass
else:
    create_command("wheel")  # fails here, not in somebody's build, when this pip lacks something of the system
print("commonwheel-tags " + json.dumps({"pip": pip.__version__, "tags": tags}))

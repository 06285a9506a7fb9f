"""Lists the wheel tags that this interpreter's pip would install, best first, as one line of JSON."""
import json

import pip

try:
    from pip._vendor.packaging.tags import sys_tags

    tags = [str(tag) for tag in sys_tags()]
except ImportError:  # pip before 20
    from pip._internal.pep425tags import get_supported

    tags = ["-".join(tag) for tag in get_supported()]
print("commonwheel-tags " + json.dumps({"pip": pip.__version__, "tags": tags}))

"""Put in PYTHONPATH, it makes Python processes go without the packages that `make build` does not install.

They may be installed here for another engine. Python imports a module of this name when it starts.
"""

import os
import sys
from importlib.abc import MetaPathFinder

HIDDEN = set(os.environ["HIDDEN_PACKAGES"].split(","))


class Hide(MetaPathFinder):
    """Says of the hidden packages what Python says of those that are not there."""

    def find_spec(self, name, path=None, target=None):
        if name in HIDDEN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Hide())

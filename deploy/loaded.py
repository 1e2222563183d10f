"""Name the files that the service loads as it starts, a line each; runs in a stage of the build.

They are compiled ahead, because the root of a container cannot be written. Python compares a
compiled file with the date of its source, and a build sets all dates to one: so these are trusted.
"""

import importlib
import sys
from typing import Final

MODULES: Final = (
    "ecom.__main__",
    "ecom.serving.server",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite",
    "uvicorn.lifespan.off",
    "uvicorn.loops.uvloop",
)

for name in MODULES:
    importlib.import_module(name)
files = {getattr(module, "__file__", None) or "" for module in sys.modules.values()} - {__file__}
print("\n".join(sorted(file for file in files if file.endswith(".py"))))

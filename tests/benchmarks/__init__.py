"""How fast `sync` and what reads its tables are, beside a floor and what people use instead.

`python -m tests.benchmarks` at the top of the repository runs it all; `--help` lists its options.
"""

import sys
from pathlib import Path

# The tests' own modules import one another by name, as pytest lets them.
if (_support := str(Path(__file__).parent.parent / "support")) not in sys.path:
    sys.path.append(_support)

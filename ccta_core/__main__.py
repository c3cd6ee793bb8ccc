"""`python -m ccta_core` is `ccta`."""

import sys

from ccta_core.cli import main

sys.exit(main())

"""`syncline`, run on a machine whose clock is ahead: python ahead.py SECONDS dev --data …"""

import sys
import time

_seconds = float(sys.argv.pop(1))
_now = time.time
time.time = lambda: _now() + _seconds  # what core.SystemClock asks

from syncline.app.cli import main  # noqa: E402 (after the clock)

main()

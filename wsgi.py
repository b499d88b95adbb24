"""Where servers and the command line find the app."""

import gc
import os

from portal.app import create_app
from portal.safety import check_settings

os.umask(0o077)  # SQLite's file and the copies hold hashes, mails and proofs: for the portal's own user only
app = create_app()
gc.freeze()  # what stays for good is not gone through again at each collection, which held a request up for 150 ms
if os.environ.get("FLASK_RUN_FROM_CLI") != "true":  # a server imports this, not a command
    check_settings(app)

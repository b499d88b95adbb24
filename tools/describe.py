"""Prints the API's description, as ``docs/openapi.json`` holds it."""

import json
import sys

from portal.api.reference import document
from portal.app import create_app

with create_app().app_context():
    json.dump(document(), sys.stdout, indent=2, ensure_ascii=False)
sys.stdout.write("\n")

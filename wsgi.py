"""Where servers and the command line find the app."""

from portal.app import create_app

app = create_app()

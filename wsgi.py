"""The WSGI entry point for servers other than our own ``datavault serve``."""

from vault.web.server import application

app = application()

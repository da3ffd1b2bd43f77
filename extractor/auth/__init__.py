"""Who asks: a webhook, or an application with tokens that age.

Both know the portal's host and the address of a method, and take their own
secrets out of a text that came from elsewhere. All of this is pure: what an
application does to renew its tokens is a flow, and whoever drives it does
the sending, the waiting and the writing (`session`).
"""

from extractor.auth.oauth import Application, Tokens
from extractor.auth.webhook import Webhook, webhook

Credentials = Webhook | Application

__all__ = ["Application", "Credentials", "Tokens", "Webhook", "webhook"]

"""The served tenant, and what a test does there that no client of Auth0 can.

The environment has the line that `countersign serve` prints in TENANT, and the certificate of its authority where
requests and httpx look for it.
"""

import asyncio
import inspect
import json
import os
import sys
from urllib.parse import urlsplit

import jwt
import pyotp
import requests

EMAIL = "ada@example.com"
PASSWORD = "correct horse"
API = "https://api.example.com"
SCOPE = "openid email offline_access"


class Tenant:
    def __init__(self):
        line = json.loads(os.environ["TENANT"])
        self.domain = urlsplit(line["url"]).netloc
        self.issuer = line["issuer"]
        self.mfa_audience = self.issuer + "mfa/"
        self.client_id = line["client_id"]
        self.client_secret = line["client_secret"]
        self.management = line["management"]
        self.control_url = line["control"]

    def control(self, method, path, body=None):
        response = requests.request(method, f"{self.control_url}/{path}", json=body, timeout=10)
        response.raise_for_status()
        return response.json() if response.content else None

    def add_user(self, **more):
        """A user, who has no factor unless it is said; gives the id."""
        user = {"email": EMAIL, "password": PASSWORD, **more}
        return self.control("POST", "users", user)["user_id"]

    def code(self, to):
        """The code that was sent last to an address or a number."""
        return self.control("GET", f"outbox?to={to}")[-1]["code"]

    def otp(self, app):
        """What an app shows by the tenant's clock."""
        return app.at(self.control("GET", "clock")["now"] // 1000)

    def claims(self, token, audience):
        """The claims of a token, checked by the key that the tenant publishes."""
        configuration = requests.get(self.issuer + ".well-known/openid-configuration", timeout=10)
        keys = jwt.PyJWKClient(configuration.json()["jwks_uri"])
        return jwt.decode(
            token,
            keys.get_signing_key_from_jwt(token),
            algorithms=["RS256"],
            issuer=self.issuer,
            audience=audience,
            options={"require": ["exp", "iat", "sub"]},
            # The tenant's clock may be ahead.
            leeway=60,
        )


def app_of(uri):
    """An authenticator app that has read this QR code."""
    return pyotp.parse_uri(uri)


def raised(kind, act):
    """The exception that a call must raise."""
    try:
        answer = act()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}, but {answer}")


def run(module):
    """Runs the test that the command line names."""
    result = module[f"test_{sys.argv[1]}"](Tenant())
    if inspect.iscoroutine(result):
        asyncio.run(result)

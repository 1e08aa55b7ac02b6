"""auth0-python's ManagementClient, which gets its tokens by client_credentials, and whose models check every answer."""

from auth0.authentication import GetToken
from auth0.authentication.exceptions import Auth0Error
from auth0.management import ManagementClient
from auth0.management.errors import (
    BadRequestError,
    ConflictError,
    NotFoundError,
    UnauthorizedError,
)

from tenant import EMAIL, PASSWORD, raised, run

PHONE = "+15550001234"
CONNECTION = "Username-Password-Authentication"


def management(tenant):
    return ManagementClient(domain=tenant.domain, **tenant.management)


def create(users, **more):
    return users.create(connection=CONNECTION, email=EMAIL, password=PASSWORD, **more)


def test_users(tenant):
    users = management(tenant).users
    user = create(users, email_verified=True)
    assert user.user_id.startswith("auth0|")
    assert (user.email, user.email_verified) == (EMAIL, True)
    assert users.get(user.user_id).email == EMAIL
    assert [known.user_id for known in users.list_users_by_email(email=EMAIL)] == [user.user_id]
    assert [known.user_id for known in users.list()] == [user.user_id]
    assert raised(ConflictError, lambda: create(users)).status_code == 409
    assert users.update(user.user_id, email_verified=False).email_verified is False

    users.delete(user.user_id)
    assert list(users.list()) == []
    assert raised(NotFoundError, lambda: users.get(user.user_id)).status_code == 404


def test_a_method_that_it_makes_is_a_factor_at_login(tenant):
    users = management(tenant).users
    user_id = create(users).user_id
    methods = users.authentication_methods
    made = methods.create(user_id, type="phone", name="phone", phone_number=PHONE)
    assert made.type == "phone"
    listed = {method.id: method.type for method in methods.list(user_id)}
    assert listed[made.id] == "phone"
    assert {entry.status for entry in users.enrollments.get(user_id)} == {"confirmed"}

    client = GetToken(tenant.domain, tenant.client_id, client_secret=tenant.client_secret)
    log_in = lambda: client.login(EMAIL, PASSWORD, realm=CONNECTION)
    mfa_token = raised(Auth0Error, log_in).content["mfa_token"]
    challenge = {"client_id": client.client_id, "mfa_token": mfa_token, "challenge_type": "oob"}
    url = f"https://{tenant.domain}/mfa/challenge"
    assert client.authenticated_post(url, data=challenge)["binding_method"] == "prompt"
    assert tenant.code(PHONE).isdigit()

    methods.delete(user_id, made.id)
    assert "phone" not in {method.type for method in methods.list(user_id)}


def test_factors(tenant):
    factors = management(tenant).guardian.factors
    enabled = {factor.name: factor.enabled for factor in factors.list()}
    assert enabled["otp"] is True
    assert factors.set("otp", enabled=False).enabled is False
    enabled = {factor.name: factor.enabled for factor in factors.list()}
    assert enabled["otp"] is False


def test_errors_are_told(tenant):
    # A JWT of nothing, which nobody signed.
    stranger = ManagementClient(domain=tenant.domain, token="e30.e30.e30").users
    error = raised(UnauthorizedError, lambda: stranger.get("auth0|1"))
    assert (error.body["error"], error.body["message"]) == ("Unauthorized", "Invalid token")
    users = management(tenant).users
    error = raised(BadRequestError, lambda: users.create(connection=CONNECTION))
    assert (error.body["error"], error.body["errorCode"]) == ("Bad Request", "invalid_body")


run(globals())

"""auth0-python: logins and tokens. It sends JSON, with null for what is not said."""

from auth0.authentication import GetToken, Users
from auth0.authentication.exceptions import Auth0Error, TokenValidationError
from auth0.authentication.token_verifier import AsymmetricSignatureVerifier, TokenVerifier

from tenant import API, EMAIL, PASSWORD, SCOPE, raised, run


def login(tenant, password=PASSWORD, **more):
    client = GetToken(tenant.domain, tenant.client_id, client_secret=tenant.client_secret)
    realm = "Username-Password-Authentication"
    return client, lambda: client.login(EMAIL, password, scope=SCOPE, realm=realm, **more)


def tokens(tenant, **more):
    """The tokens of a login with a second factor. The SDK has no MFA API: its own transport is used."""
    client, log_in = login(tenant, **more)
    mfa_token = raised(Auth0Error, log_in).content["mfa_token"]
    challenge = client.authenticated_post(
        f"https://{tenant.domain}/mfa/challenge",
        data={"client_id": client.client_id, "mfa_token": mfa_token, "challenge_type": "oob"},
    )
    assert challenge["challenge_type"] == "oob"
    return client, client.authenticated_post(
        f"https://{tenant.domain}/oauth/token",
        data={
            "client_id": client.client_id,
            "grant_type": "http://auth0.com/oauth/grant-type/mfa-oob",
            "mfa_token": mfa_token,
            "oob_code": challenge["oob_code"],
            "binding_code": tenant.code(EMAIL),
        },
    )


def test_login_wants_a_second_factor(tenant):
    tenant.add_user()
    error = raised(Auth0Error, login(tenant)[1])
    assert (error.status_code, error.error_code) == (403, "mfa_required")
    assert error.message == "Multifactor authentication required"
    assert error.content["mfa_token"].startswith("Fe26.2*")


def test_wrong_password_is_told(tenant):
    tenant.add_user()
    error = raised(Auth0Error, login(tenant, "wrong")[1])
    assert (error.status_code, error.error_code) == (403, "invalid_grant")
    assert error.message == "Wrong email or password."


def test_tokens_pass_its_verifier(tenant):
    user_id = tenant.add_user(enrolled=[{"channel": "email"}])
    _, answer = tokens(tenant, audience=API)
    assert answer["token_type"] == "Bearer"
    keys = AsymmetricSignatureVerifier(f"{tenant.issuer}.well-known/jwks.json")
    verifier = TokenVerifier(keys, tenant.issuer, tenant.client_id)
    assert verifier.verify(answer["id_token"])["sub"] == user_id
    assert tenant.claims(answer["id_token"], tenant.client_id)["email"] == EMAIL
    access = tenant.claims(answer["access_token"], API)
    assert (access["sub"], access["azp"]) == (user_id, tenant.client_id)
    assert access["scope"] == SCOPE
    other = TokenVerifier(keys, tenant.issuer, "another client")
    raised(TokenValidationError, lambda: other.verify(answer["id_token"]))


def test_userinfo(tenant):
    user_id = tenant.add_user(enrolled=[{"channel": "email"}])
    _, answer = tokens(tenant)
    claims = Users(tenant.domain).userinfo(answer["access_token"])
    assert (claims["sub"], claims["email"]) == (user_id, EMAIL)


def test_refresh_tokens_work_once(tenant):
    tenant.add_user(enrolled=[{"channel": "email"}])
    client, first = tokens(tenant)
    second = client.refresh_token(first["refresh_token"])
    assert second["scope"] == SCOPE
    assert tenant.claims(second["id_token"], tenant.client_id)["email"] == EMAIL
    assert second["refresh_token"] != first["refresh_token"]
    error = raised(Auth0Error, lambda: client.refresh_token(first["refresh_token"]))
    assert (error.status_code, error.error_code) == (403, "invalid_grant")


def test_client_credentials(tenant):
    own = tenant.management
    client = GetToken(tenant.domain, own["client_id"], client_secret=own["client_secret"])
    audience = f"{tenant.issuer}api/v2/"
    answer = client.client_credentials(audience)
    claims = tenant.claims(answer["access_token"], audience)
    assert claims["gty"] == "client-credentials"
    assert claims["sub"] == f"{own['client_id']}@clients"


run(globals())

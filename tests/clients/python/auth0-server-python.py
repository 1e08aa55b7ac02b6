"""auth0-server-python: its MfaClient, whose models check the types of every answer."""

from auth0.authentication import GetToken
from auth0.authentication.exceptions import Auth0Error
from auth0_server_python.auth_server.mfa_client import MfaClient
from auth0_server_python.error import MfaEnrollmentError, MfaVerifyError

from tenant import API, EMAIL, PASSWORD, SCOPE, app_of, raised, run

PHONE = "+15550001234"


class Application:
    def __init__(self, tenant):
        self.tenant = tenant
        self.mfa = MfaClient(
            tenant.domain, tenant.client_id, tenant.client_secret, secret="of the cookies"
        )

    def login(self):
        """An mfa_token as the SDK hands it to its application. Its own logins need a browser."""
        tenant = self.tenant
        client = GetToken(tenant.domain, tenant.client_id, client_secret=tenant.client_secret)
        log_in = lambda: client.login(
            EMAIL, PASSWORD, scope=SCOPE, audience=API, realm="Username-Password-Authentication"
        )
        mfa_token = raised(Auth0Error, log_in).content["mfa_token"]
        return self.mfa._encrypt_mfa_token(mfa_token, API, SCOPE)

    def check(self, answer):
        assert answer.token_type == "Bearer"
        identity = self.tenant.claims(answer.id_token, self.tenant.client_id)
        access = self.tenant.claims(answer.access_token, API)
        assert identity["email"] == EMAIL
        assert access["sub"] == identity["sub"]


async def refused(kind, call):
    """What the tenant said where a call must fail."""
    try:
        answer = await call
    except kind as error:
        return error.cause["error"], str(error)
    raise AssertionError(f"no {kind.__name__}, but {answer}")


async def enrol_and_log_in(tenant, channel, address, **more):
    """Enrols a channel, and logs in with it."""
    tenant.add_user()
    application = Application(tenant)
    mfa = application.mfa

    token = application.login()
    assert await mfa.list_authenticators({"mfa_token": token}) == []
    enrolled = await mfa.enroll_authenticator(
        {"mfa_token": token, "factor_type": channel, **more}
    )
    assert (enrolled.authenticator_type, enrolled.oob_channel) == ("oob", channel)
    assert enrolled.binding_method == "prompt"
    assert len(enrolled.recovery_codes) == 1
    proof = {"oob_code": enrolled.oob_code, "binding_code": tenant.code(address)}
    application.check(await mfa.verify({"mfa_token": token, **proof}))

    token = application.login()
    known = await mfa.list_authenticators({"mfa_token": token})
    [authenticator] = [entry for entry in known if entry.oob_channel == channel]
    assert authenticator.active
    assert authenticator.id.startswith(f"{channel}|dev_")
    challenge = await mfa.challenge_authenticator(
        {"mfa_token": token, "factor_type": channel, "authenticator_id": authenticator.id}
    )
    assert (challenge.challenge_type, challenge.binding_method) == ("oob", "prompt")
    proof = {"oob_code": challenge.oob_code, "binding_code": tenant.code(address)}
    application.check(await mfa.verify({"mfa_token": token, **proof}))


async def test_email(tenant):
    await enrol_and_log_in(tenant, "email", EMAIL, email=EMAIL)


async def test_sms(tenant):
    await enrol_and_log_in(tenant, "sms", PHONE, phone_number=PHONE)


async def test_voice(tenant):
    await enrol_and_log_in(tenant, "voice", PHONE, phone_number=PHONE)


async def test_authenticator_app(tenant):
    tenant.add_user()
    application = Application(tenant)
    mfa = application.mfa

    token = application.login()
    enrolled = await mfa.enroll_authenticator({"mfa_token": token, "factor_type": "otp"})
    app = app_of(enrolled.barcode_uri)
    assert app.secret == enrolled.secret
    application.check(await mfa.verify({"mfa_token": token, "otp": tenant.otp(app)}))

    # A code works once: the next login has the next.
    tenant.control("POST", "clock", {"advance": "30s"})
    token = application.login()
    known = await mfa.list_authenticators({"mfa_token": token})
    [authenticator] = [entry for entry in known if entry.authenticator_type == "otp"]
    challenge = await mfa.challenge_authenticator(
        {"mfa_token": token, "factor_type": "otp", "authenticator_id": authenticator.id}
    )
    assert challenge.challenge_type == "otp"
    application.check(await mfa.verify({"mfa_token": token, "otp": tenant.otp(app)}))


async def test_push(tenant):
    tenant.add_user()
    application = Application(tenant)
    mfa = application.mfa

    token = application.login()
    enrolled = await mfa.enroll_authenticator({"mfa_token": token, "factor_type": "auth0"})
    assert (enrolled.oob_channel, enrolled.binding_method) == ("auth0", None)
    assert enrolled.barcode_uri.startswith("otpauth://")
    poll = {"mfa_token": token, "oob_code": enrolled.oob_code}
    error, _ = await refused(MfaVerifyError, mfa.verify(poll))
    assert error == "authorization_pending"
    [question] = tenant.control("GET", "push")
    assert question["purpose"] == "enrollment"
    tenant.control("POST", f"push/{question['id']}", {"accept": True})
    # Whoever asks again at once is told to slow down.
    tenant.control("POST", "clock", {"advance": "10s"})
    application.check(await mfa.verify(poll))


async def test_recovery_code(tenant):
    tenant.add_user()
    application = Application(tenant)
    mfa = application.mfa

    token = application.login()
    enrolled = await mfa.enroll_authenticator({"mfa_token": token, "factor_type": "email"})
    proof = {"oob_code": enrolled.oob_code, "binding_code": tenant.code(EMAIL)}
    await mfa.verify({"mfa_token": token, **proof})

    [code] = enrolled.recovery_codes
    use = {"mfa_token": application.login(), "recovery_code": code}
    answer = await mfa.verify(use)
    application.check(answer)
    assert answer.recovery_code not in (None, code)
    use = {"mfa_token": application.login(), "recovery_code": code}
    error, _ = await refused(MfaVerifyError, mfa.verify(use))
    assert error == "invalid_grant"


async def test_errors_are_told(tenant):
    tenant.add_user(enrolled=[{"channel": "email"}])
    application = Application(tenant)
    mfa = application.mfa
    token = application.login()
    enrol = mfa.enroll_authenticator({"mfa_token": token, "factor_type": "otp"})
    told = await refused(MfaEnrollmentError, enrol)
    assert told == ("access_denied", "User is already enrolled.")
    challenge = await mfa.challenge_authenticator({"mfa_token": token, "factor_type": "email"})
    proof = {"oob_code": challenge.oob_code, "binding_code": "000000x"}
    told = await refused(MfaVerifyError, mfa.verify({"mfa_token": token, **proof}))
    assert told == ("invalid_grant", "Invalid binding_code.")


run(globals())

'use strict';
// @auth0/auth0-auth-js: its MFA client, on top of openid-client, and its tokens.

const assert = require('node:assert/strict');
const { AuthClient, isMfaRequiredError } = require('@auth0/auth0-auth-js');
const { API, EMAIL, PASSWORD, SCOPE, run, tenant, thrown } = require('./tenant');

const PHONE = '+15550001234';

const { domain, clientId, clientSecret } = tenant;
const client = new AuthClient({ domain, clientId, clientSecret });

// The mfa_token of a login.
async function login() {
  const user = { username: EMAIL, password: PASSWORD };
  const error = await thrown(client.getTokenByPassword({ ...user, scope: SCOPE, audience: API }));
  assert.ok(isMfaRequiredError(error), error);
  return error.cause.mfa_token;
}

async function check(answer) {
  const identity = await tenant.claims(answer.idToken, clientId);
  const access = await tenant.claims(answer.accessToken, API);
  assert.equal(identity.email, EMAIL);
  assert.equal(answer.claims.sub, identity.sub);
  assert.equal(access.sub, identity.sub);
  assert.ok(answer.expiresAt > Date.now() / 1000);
}

// Enrols a channel, and logs in with it.
async function enrolAndLogIn(channel, address, more) {
  await tenant.addUser();
  const factorType = 'oob';

  let mfaToken = await login();
  assert.deepEqual(await client.mfa.listAuthenticators({ mfaToken }), []);
  const authenticatorTypes = ['oob'];
  const oobChannels = [channel];
  const enrolled = await client.mfa.enrollAuthenticator({
    mfaToken,
    authenticatorTypes,
    oobChannels,
    ...more,
  });
  assert.deepEqual([enrolled.authenticatorType, enrolled.oobChannel], ['oob', channel]);
  assert.equal(enrolled.bindingMethod, 'prompt');
  assert.equal(enrolled.recoveryCodes.length, 1);
  let { oobCode } = enrolled;
  let bindingCode = await tenant.code(address);
  await check(await client.mfa.verify({ mfaToken, factorType, oobCode, bindingCode }));

  mfaToken = await login();
  const known = await client.mfa.listAuthenticators({ mfaToken });
  const authenticator = known.find(({ id }) => id.startsWith(`${channel}|dev_`));
  assert.deepEqual([authenticator.authenticatorType, authenticator.active], ['oob', true]);
  const challenge = await client.mfa.challengeAuthenticator({
    mfaToken,
    challengeType: 'oob',
    authenticatorId: authenticator.id,
  });
  assert.deepEqual([challenge.challengeType, challenge.bindingMethod], ['oob', 'prompt']);
  ({ oobCode } = challenge);
  bindingCode = await tenant.code(address);
  await check(await client.mfa.verify({ mfaToken, factorType, oobCode, bindingCode }));
}

async function test_email() {
  await enrolAndLogIn('email', EMAIL, { email: EMAIL });
}

async function test_sms() {
  await enrolAndLogIn('sms', PHONE, { phoneNumber: PHONE });
}

async function test_voice() {
  await enrolAndLogIn('voice', PHONE, { phoneNumber: PHONE });
}

async function test_authenticator_app() {
  await tenant.addUser();
  const factorType = 'otp';
  let mfaToken = await login();
  const authenticatorTypes = ['otp'];
  const enrolled = await client.mfa.enrollAuthenticator({ mfaToken, authenticatorTypes });
  assert.equal(enrolled.authenticatorType, 'otp');
  assert.equal(new URL(enrolled.barcodeUri).searchParams.get('secret'), enrolled.secret);
  let otp = await tenant.otp(enrolled.barcodeUri);
  await check(await client.mfa.verify({ mfaToken, factorType, otp }));

  // A code works once: the next login has the next.
  await tenant.control('POST', 'clock', { advance: '30s' });
  mfaToken = await login();
  const challenge = await client.mfa.challengeAuthenticator({ mfaToken, challengeType: 'otp' });
  assert.equal(challenge.challengeType, 'otp');
  otp = await tenant.otp(enrolled.barcodeUri);
  await check(await client.mfa.verify({ mfaToken, factorType, otp }));
}

async function test_push() {
  await tenant.addUser();
  const factorType = 'oob';
  const mfaToken = await login();
  const push = { authenticatorTypes: ['oob'], oobChannels: ['auth0'] };
  const { oobCode } = await client.mfa.enrollAuthenticator({ mfaToken, ...push });
  const error = await thrown(client.mfa.verify({ mfaToken, factorType, oobCode }));
  assert.equal(error.cause.error, 'authorization_pending');
  const [question] = await tenant.control('GET', 'push');
  await tenant.control('POST', `push/${question.id}`, { accept: true });
  // Whoever asks again at once is told to slow down.
  await tenant.control('POST', 'clock', { advance: '10s' });
  await check(await client.mfa.verify({ mfaToken, factorType, oobCode }));
}

// Enrols the user's address, and gives the answer.
async function enrolEmail() {
  const mfaToken = await login();
  const email = { authenticatorTypes: ['oob'], oobChannels: ['email'] };
  const enrolled = await client.mfa.enrollAuthenticator({ mfaToken, ...email });
  const { oobCode } = enrolled;
  const bindingCode = await tenant.code(EMAIL);
  await client.mfa.verify({ mfaToken, factorType: 'oob', oobCode, bindingCode });
  return enrolled;
}

async function test_recovery_code() {
  await tenant.addUser();
  const factorType = 'recovery-code';
  const [recoveryCode] = (await enrolEmail()).recoveryCodes;
  let mfaToken = await login();
  const answer = await client.mfa.verify({ mfaToken, factorType, recoveryCode });
  await check(answer);
  assert.notEqual(answer.recoveryCode, recoveryCode);
  mfaToken = await login();
  const error = await thrown(client.mfa.verify({ mfaToken, factorType, recoveryCode }));
  assert.equal(error.cause.error, 'invalid_grant');
}

async function test_delete() {
  await tenant.addUser({ enrolled: [{ channel: 'sms', phone_number: PHONE }] });
  const wanted = {
    audience: tenant.mfaAudience,
    scope: 'read:authenticators remove:authenticators',
  };
  const user = { username: EMAIL, password: PASSWORD };
  // It is the MFA audience that is guarded by the factor, and the access token for it that may delete.
  const { cause } = await thrown(client.getTokenByPassword({ ...user, ...wanted }));
  const login = { mfaToken: cause.mfa_token };
  const { oobCode } = await client.mfa.challengeAuthenticator({ ...login, challengeType: 'oob' });
  const bindingCode = await tenant.code(PHONE);
  const proof = { factorType: 'oob', oobCode, bindingCode };
  const { accessToken: mfaToken } = await client.mfa.verify({ ...login, ...proof });
  const phones = (known) => known.filter(({ id }) => id.startsWith('sms|'));
  const [phone] = phones(await client.mfa.listAuthenticators({ mfaToken }));
  await client.mfa.deleteAuthenticator({ mfaToken, authenticatorId: phone.id });
  assert.deepEqual(phones(await client.mfa.listAuthenticators({ mfaToken })), []);
  const again = client.mfa.deleteAuthenticator({ mfaToken, authenticatorId: phone.id });
  assert.equal((await thrown(again)).name, 'MfaDeleteAuthenticatorError');
}

async function test_refresh() {
  await tenant.addUser({ enrolled: [{ channel: 'email' }] });
  const mfaToken = await login();
  const { oobCode } = await client.mfa.challengeAuthenticator({ mfaToken, challengeType: 'oob' });
  const bindingCode = await tenant.code(EMAIL);
  const proof = { factorType: 'oob', oobCode, bindingCode };
  const { refreshToken } = await client.mfa.verify({ mfaToken, ...proof });
  const answer = await client.getTokenByRefreshToken({ refreshToken });
  await check(answer);
  assert.notEqual(answer.refreshToken, refreshToken);
}

async function test_errors_are_told() {
  await tenant.addUser({ enrolled: [{ channel: 'email' }] });
  const wrong = { username: EMAIL, password: 'wrong' };
  let error = await thrown(client.getTokenByPassword(wrong));
  assert.deepEqual(
    [error.cause.error, error.cause.error_description],
    ['invalid_grant', 'Wrong email or password.'],
  );
  const mfaToken = await login();
  error = await thrown(client.mfa.enrollAuthenticator({ mfaToken, authenticatorTypes: ['otp'] }));
  assert.deepEqual([error.name, error.message], ['MfaEnrollmentError', 'User is already enrolled.']);
  const { oobCode } = await client.mfa.challengeAuthenticator({ mfaToken, challengeType: 'oob' });
  const proof = { factorType: 'oob', oobCode, bindingCode: '000000x' };
  error = await thrown(client.mfa.verify({ mfaToken, ...proof }));
  assert.deepEqual([error.cause.error, error.message], ['invalid_grant', 'Invalid binding_code.']);
}

run({
  test_email,
  test_sms,
  test_voice,
  test_authenticator_app,
  test_push,
  test_recovery_code,
  test_delete,
  test_refresh,
  test_errors_are_told,
});

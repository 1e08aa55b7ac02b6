'use strict';
// auth0 (node-auth0): logins and tokens. Since its version 7 the AuthenticationClient is in `auth0/legacy`.

const assert = require('node:assert/strict');
const { AuthenticationClient, UserInfoClient } = require('auth0/legacy');
const { API, EMAIL, PASSWORD, SCOPE, run, tenant, thrown } = require('./tenant');

const { domain, clientId, clientSecret } = tenant;
const client = new AuthenticationClient({ domain, clientId, clientSecret });

function login(more) {
  return client.oauth.passwordGrant({ username: EMAIL, password: PASSWORD, scope: SCOPE, ...more });
}

async function post(path, body) {
  const response = await fetch(`https://${domain}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_id: clientId, client_secret: clientSecret, ...body }),
  });
  assert.equal(response.status, 200);
  return response.json();
}

// The tokens of a login with a second factor. The SDK has no MFA API.
async function tokens(more) {
  const error = await thrown(login(more));
  const { mfa_token } = JSON.parse(error.body);
  const { oob_code } = await post('/mfa/challenge', { mfa_token, challenge_type: 'oob' });
  return post('/oauth/token', {
    grant_type: 'http://auth0.com/oauth/grant-type/mfa-oob',
    mfa_token,
    oob_code,
    binding_code: await tenant.code(EMAIL),
  });
}

async function test_login_wants_a_second_factor() {
  await tenant.addUser();
  for (const more of [{}, { realm: 'Username-Password-Authentication' }]) {
    const error = await thrown(login(more));
    assert.equal(error.name, 'AuthApiError');
    assert.deepEqual([error.statusCode, error.error], [403, 'mfa_required']);
    assert.equal(error.error_description, 'Multifactor authentication required');
    assert.match(JSON.parse(error.body).mfa_token, /^Fe26\.2\*/);
  }
}

async function test_wrong_secret_is_told() {
  await tenant.addUser();
  const other = new AuthenticationClient({ domain, clientId, clientSecret: 'another' });
  const user = { username: EMAIL, password: PASSWORD };
  const error = await thrown(other.oauth.passwordGrant(user));
  assert.deepEqual([error.statusCode, error.error], [401, 'invalid_client']);
}

async function test_refresh_checks_the_id_token() {
  const userId = await tenant.addUser({ enrolled: [{ channel: 'email' }] });
  const first = await tokens({ audience: API });
  // It checks the signature and the claims of the id_token itself.
  const { data } = await client.oauth.refreshTokenGrant({ refresh_token: first.refresh_token });
  assert.equal(data.token_type, 'Bearer');
  assert.notEqual(data.refresh_token, first.refresh_token);
  assert.equal((await tenant.claims(data.id_token, clientId)).sub, userId);
  const access = await tenant.claims(data.access_token, API);
  assert.deepEqual([access.sub, access.azp, access.scope], [userId, clientId, SCOPE]);
}

async function test_userinfo() {
  const sub = await tenant.addUser({ enrolled: [{ channel: 'email' }] });
  const { access_token } = await tokens();
  const { data } = await new UserInfoClient({ domain }).getUserInfo(access_token);
  assert.deepEqual([data.sub, data.email], [sub, EMAIL]);
  const error = await thrown(new UserInfoClient({ domain }).getUserInfo('another'));
  assert.equal(error.statusCode, 401);
}

async function test_client_credentials() {
  const { client_id, client_secret } = tenant.management;
  const machine = { domain, clientId: client_id, clientSecret: client_secret };
  const audience = `${tenant.issuer}api/v2/`;
  const { data } = await new AuthenticationClient(machine).oauth.clientCredentialsGrant({ audience });
  const claims = await tenant.claims(data.access_token, audience);
  assert.deepEqual([claims.gty, claims.sub], ['client-credentials', `${client_id}@clients`]);
}

run({
  test_login_wants_a_second_factor,
  test_wrong_secret_is_told,
  test_refresh_checks_the_id_token,
  test_userinfo,
  test_client_credentials,
});

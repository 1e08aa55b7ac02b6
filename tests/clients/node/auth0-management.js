'use strict';
// auth0 (node-auth0): its ManagementClient, which gets its tokens by client_credentials.

const assert = require('node:assert/strict');
const { ManagementClient } = require('auth0');
const { EMAIL, PASSWORD, run, tenant, thrown } = require('./tenant');

const { domain } = tenant;
const { client_id: clientId, client_secret: clientSecret } = tenant.management;
const { users, guardian } = new ManagementClient({ domain, clientId, clientSecret });

const connection = 'Username-Password-Authentication';
const user = { connection, email: EMAIL, password: PASSWORD };

async function all(page) {
  const found = [];
  for await (const entry of await page) {
    found.push(entry);
  }
  return found;
}

async function test_users() {
  const { user_id } = await users.create({ ...user, email_verified: true });
  assert.match(user_id, /^auth0\|/);
  const { email, email_verified } = await users.get(user_id);
  assert.deepEqual([email, email_verified], [EMAIL, true]);
  const byEmail = await users.listUsersByEmail({ email: EMAIL });
  assert.deepEqual(byEmail.map((known) => known.user_id), [user_id]);
  assert.deepEqual((await all(users.list())).map((known) => known.user_id), [user_id]);
  assert.equal((await thrown(users.create(user))).statusCode, 409);

  await users.delete(user_id);
  assert.deepEqual(await all(users.list()), []);
  assert.equal((await thrown(users.get(user_id))).statusCode, 404);
}

async function test_authentication_methods() {
  const { user_id } = await users.create(user);
  const methods = users.authenticationMethods;
  const made = await methods.create(user_id, { type: 'email', name: 'mail', email: EMAIL });
  assert.equal(made.type, 'email');
  const types = async () => (await all(methods.list(user_id))).map(({ id, type }) => [id, type]);
  assert.deepEqual((await types()).filter(([id]) => id === made.id), [[made.id, 'email']]);
  await methods.deleteAll(user_id);
  assert.deepEqual((await types()).filter(([id]) => id === made.id), []);
}

async function test_factors() {
  const enabled = async () => (await guardian.factors.list()).find(({ name }) => name === 'otp').enabled;
  assert.equal(await enabled(), true);
  assert.deepEqual(await guardian.factors.set('otp', { enabled: false }), { enabled: false });
  assert.equal(await enabled(), false);
}

async function test_errors_are_told() {
  // A JWT of nothing, which nobody signed.
  const stranger = new ManagementClient({ domain, token: 'e30.e30.e30' });
  let error = await thrown(stranger.users.get('auth0|1'));
  assert.deepEqual([error.statusCode, error.body.message], [401, 'Invalid token']);
  error = await thrown(users.create({ connection }));
  assert.deepEqual([error.statusCode, error.body.errorCode], [400, 'invalid_body']);
}

run({ test_users, test_authentication_methods, test_factors, test_errors_are_told });

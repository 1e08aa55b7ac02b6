'use strict';
// The served tenant, and what a test does there that no client of Auth0 can.
//
// The environment has the line that `countersign serve` prints in TENANT, and the certificate of its authority in
// NODE_EXTRA_CA_CERTS.

const assert = require('node:assert/strict');
const jose = require('jose');
const { URI } = require('otpauth');

const EMAIL = 'ada@example.com';
const PASSWORD = 'correct horse';
const API = 'https://api.example.com';
const SCOPE = 'openid email offline_access';

const line = JSON.parse(process.env.TENANT);
const tenant = {
  domain: new URL(line.url).host,
  issuer: line.issuer,
  mfaAudience: `${line.issuer}mfa/`,
  clientId: line.client_id,
  clientSecret: line.client_secret,
  management: line.management,

  async control(method, path, body) {
    const response = await fetch(`${line.control}/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    assert.ok(response.ok, text);
    return text && JSON.parse(text);
  },

  // A user, who has no factor unless it is said; gives the id.
  async addUser(more) {
    const user = { email: EMAIL, password: PASSWORD, ...more };
    return (await tenant.control('POST', 'users', user)).user_id;
  },

  // The code that was sent last to an address or a number.
  async code(to) {
    return (await tenant.control('GET', `outbox?to=${to}`)).at(-1).code;
  },

  // What an app that has read this QR code shows by the tenant's clock.
  async otp(uri) {
    const { now } = await tenant.control('GET', 'clock');
    return URI.parse(uri).generate({ timestamp: now });
  },

  // The claims of a token, checked by the key that the tenant publishes.
  async claims(token, audience) {
    const configuration = await fetch(`${tenant.issuer}.well-known/openid-configuration`);
    const { jwks_uri } = await configuration.json();
    const keys = jose.createRemoteJWKSet(new URL(jwks_uri));
    const required = ['sub', 'iat', 'exp'];
    const { issuer } = tenant;
    const checks = { issuer, audience, algorithms: ['RS256'], requiredClaims: required };
    return (await jose.jwtVerify(token, keys, checks)).payload;
  },
};

// The error that a call must throw.
async function thrown(call) {
  let answer;
  try {
    answer = await call;
  } catch (error) {
    return error;
  }
  assert.fail(`no error, but ${JSON.stringify(answer)}`);
}

// Runs the test that the command line names.
async function run(tests) {
  await tests[`test_${process.argv[2]}`]();
}

module.exports = { API, EMAIL, PASSWORD, SCOPE, run, tenant, thrown };

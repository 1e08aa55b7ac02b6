'use strict';
// The page of a served tenant, in Chromium without a window.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { createInterface } = require('node:readline');
const { chromium } = require('playwright-core');
const { EMAIL, PASSWORD, run, tenant } = require('../node/tenant.js');

const { control: CONTROL } = JSON.parse(process.env.TENANT);
const PUSH = { channel: 'push', device: 'ada’s phone', secret: 'GEZDGNBVGY3TQOJQ' };
const OOB = 'http://auth0.com/oauth/grant-type/mfa-oob';

// Opens the page for `act`; whatever it asks for elsewhere and every error fails the test, but for those `expected`.
async function open(act, { url = `${CONTROL}/`, expected = /^$/, ...context } = {}) {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  try {
    const opened = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-GB', ...context });
    const page = await opened.newPage();
    page.setDefaultTimeout(20_000);
    const wrong = [];
    page.on('pageerror', (error) => wrong.push(String(error)));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) wrong.push(message.text());
    });
    page.on('request', (request) => {
      const { origin, protocol } = new URL(request.url());
      if (protocol !== 'data:' && origin !== new URL(url).origin) wrong.push(request.url());
    });
    await page.goto(url);
    await act(page);
    assert.deepEqual(wrong.filter((text) => !expected.test(text)), []);
  } finally {
    await browser.close();
  }
}

// A server of the test's own, by its control address, until `stop`.
async function serve(...more) {
  const child = spawn(process.env.COUNTERSIGN, ['serve', ...more], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const { control } = JSON.parse(line);
  const stop = async () => {
    child.kill();
    if (child.exitCode === null) await once(child, 'exit');
  };
  return { url: `${control}/`, stop };
}

const once = (emitter, event) => new Promise((resolve) => emitter.once(event, (...all) => resolve(all)));

async function post(path, body) {
  const response = await fetch(new URL(path, tenant.issuer), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_id: tenant.clientId, client_secret: tenant.clientSecret, ...body }),
  });
  return response.json();
}

// A login that waits for the answer to a challenge; gives what its code is asked for with.
async function challenged() {
  const login = { grant_type: 'password', username: EMAIL, password: PASSWORD };
  const { mfa_token } = await post('oauth/token', login);
  const { oob_code } = await post('mfa/challenge', { mfa_token, challenge_type: 'oob' });
  assert.ok(oob_code);
  return { grant_type: OOB, mfa_token, oob_code };
}

const shown = (locator) => locator.waitFor({ state: 'visible' });
const row = (page, list, text) => page.locator(`#${list} > li`).filter({ hasText: text });

async function test_empty_page_says_what_to_do() {
  await open(async (page) => {
    await shown(page.getByText('Nobody yet.'));
    await shown(page.getByText('No push waits.'));
    await shown(page.getByText('Nothing was sent.'));
    assert.match(await page.locator('#curl').textContent(), /^curl https:.*\/_countersign\/users /);
    assert.equal(await page.locator('#issuer').textContent(), tenant.issuer);
    assert.equal(await page.locator('#policy').textContent(), 'asked of every login');
  }, { url: CONTROL });
}

async function test_user_is_added_by_the_form() {
  await open(async (page) => {
    await page.getByLabel('E-mail', { exact: true }).fill(EMAIL);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByLabel('E-mail verified').check();
    await page.getByRole('button', { name: 'Add user' }).click();
    await shown(row(page, 'users', EMAIL));
    const [user] = await tenant.control('GET', 'users');
    assert.deepEqual([user.email, user.email_verified], [EMAIL, true]);
    assert.equal(await page.getByLabel('E-mail', { exact: true }).inputValue(), '');
    // A second one is refused, and that is told at the form.
    await page.getByLabel('E-mail', { exact: true }).fill(EMAIL);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Add user' }).click();
    await shown(page.getByText('There is a user with this address already.'));
  }, { expected: /409/ });
}

async function test_code_appears_and_is_copied() {
  await tenant.addUser({ enrolled: [{ channel: 'email' }] });
  await open(async (page) => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await shown(page.getByText('Nothing was sent.'));
    await challenged();
    const code = await tenant.code(EMAIL);
    await shown(row(page, 'outbox', code));
    assert.match(await page.locator('#news').textContent(), new RegExp(`E-mail to ${EMAIL}, code ${code}`));
    await page.getByRole('button', { name: `Copy the code ${code}` }).click();
    await shown(page.getByText('Copied', { exact: true }));
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), code);
    // What comes later is above, and what was there is still the same element.
    const first = await page.locator('#outbox > li').elementHandle();
    await challenged();
    await shown(row(page, 'outbox', await tenant.code(EMAIL)));
    await page.waitForFunction((element) => element.isConnected && element.previousElementSibling, first);
  });
}

async function test_push_is_accepted_and_the_login_goes_on() {
  await tenant.addUser({ enrolled: [PUSH] });
  await open(async (page) => {
    await shown(page.getByText('No push waits.'));
    const login = await challenged();
    await page.getByRole('button', { name: `Accept: ${EMAIL}` }).click();
    await shown(page.getByText('No push waits.'));
    assert.ok((await post('oauth/token', login)).access_token);
  });
}

async function test_push_is_rejected_by_the_keyboard_alone() {
  await tenant.addUser({ enrolled: [PUSH] });
  await open(async (page) => {
    const login = await challenged();
    await shown(page.getByRole('button', { name: `Reject: ${EMAIL}` }));
    await tabTo(page, `Reject: ${EMAIL}`);
    await page.keyboard.press('Enter');
    await shown(page.getByText('No push waits.'));
    assert.equal((await post('oauth/token', login)).error, 'access_denied');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'pushes-title');
  });
}

async function test_user_is_added_by_the_keyboard_alone() {
  await open(async (page) => {
    await shown(page.getByText('Nobody yet.'));
    await tabTo(page, 'E-mail');
    await page.keyboard.type(EMAIL);
    await page.keyboard.press('Tab');
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    await page.keyboard.press('Enter');
    await shown(row(page, 'users', EMAIL).getByText('verified', { exact: true }));
  });
}

// Goes on with the tabulator until what has this name has the focus.
async function tabTo(page, name) {
  for (let steps = 0; steps < 40; steps += 1) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      return element.ariaLabel ?? (element.labels?.[0] ?? element).textContent.trim();
    });
    if (focused === name) return;
  }
  assert.fail(`the keyboard does not come to ${name}`);
}

async function test_device_is_enrolled_by_its_barcode() {
  await tenant.addUser();
  await open(async (page) => {
    const { mfa_token } = await post('oauth/token', { grant_type: 'password', username: EMAIL, password: PASSWORD });
    const kind = { authenticator_types: ['oob'], oob_channels: ['auth0'] };
    const response = await fetch(new URL('mfa/associate', tenant.issuer), {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${mfa_token}` },
      body: JSON.stringify({ client_id: tenant.clientId, client_secret: tenant.clientSecret, ...kind }),
    });
    assert.ok((await response.json()).barcode_uri);
    await shown(row(page, 'users', 'not confirmed'));
    await page.getByRole('button', { name: `Scan: ${EMAIL}` }).click();
    await shown(row(page, 'users', 'ada\'s phone').getByText('active').first());
  });
}

async function test_names_stay_text() {
  const email = '<img/src=x/onerror=alert(1)>@example.com';
  const device = '<script>alert(2)</script><b>phone</b>';
  await tenant.addUser({ email, enrolled: [{ ...PUSH, device }] });
  await tenant.addUser({ enrolled: [{ channel: 'email', email: '"<svg/onload=alert(3)>"@example.com' }] });
  await open(async (page) => {
    page.on('dialog', () => assert.fail('a name was run'));
    await challenged();
    await shown(row(page, 'users', email));
    await shown(page.getByText(device));
    await shown(row(page, 'outbox', '<svg/onload=alert(3)>'));
    assert.equal(await page.locator('main :is(img, script, svg, b)').count(), 0);
  });
}

async function test_clock_is_advanced_and_the_tenant_reset() {
  await tenant.addUser();
  await open(async (page) => {
    const before = Date.parse(await page.locator('#clock').getAttribute('datetime'));
    await page.getByRole('button', { name: '+10 min' }).click();
    await page.waitForFunction((least) => Date.parse(document.querySelector('#clock').dateTime) >= least, before + 600_000);
    await shown(page.getByText(/^10 min.* ahead$/));
    await page.getByRole('button', { name: 'Reset the tenant…' }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await shown(row(page, 'users', EMAIL));
    await page.getByRole('button', { name: 'Reset the tenant…' }).click();
    await page.getByRole('button', { name: 'Reset', exact: true }).click();
    await shown(page.getByText('Nobody yet.'));
    await page.waitForFunction(() => document.querySelector('#ahead').textContent === '');
  });
}

async function test_colours_and_width_are_the_readers() {
  await tenant.addUser({ email: `${'a'.repeat(60)}@example.com`, enrolled: [PUSH, { channel: 'sms', phone_number: '+15550000001' }] });
  const colours = [];
  for (const colorScheme of ['light', 'dark']) {
    await open(async (page) => {
      await shown(page.locator('#users > li'));
      colours.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
      const { scroll, client } = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        return { scroll: scrollWidth, client: clientWidth };
      });
      assert.ok(scroll <= client, `${scroll} pixels in ${client}`);
    }, { colorScheme, viewport: { width: 340, height: 700 } });
  }
  assert.deepEqual(colours, ['rgb(245, 246, 248)', 'rgb(20, 22, 26)']);
}

async function test_lost_server_is_told_and_found_again() {
  let served = await serve();
  try {
    await open(async (page) => {
      await shown(page.getByText('Live', { exact: true }));
      await served.stop();
      await shown(page.getByText('The server does not answer.'));
      await shown(page.getByText('Not connected'));
      served = await serve('--addr', new URL(served.url).host);
      await shown(page.getByText('Live', { exact: true }));
      assert.equal(await page.locator('#problem').isVisible(), false);
    }, { url: served.url, expected: /ERR_(CONNECTION|EMPTY)/ });
  } finally {
    await served.stop();
  }
}

async function test_token_is_asked_for_and_kept_for_the_tab() {
  const served = await serve('--control-token', 'sesame');
  try {
    await open(async (page) => {
      for (const [given, found] of [['open', 'That is not the control token'], ['sesame', 'Nobody yet.']]) {
        await page.getByLabel('Token').fill(given);
        await page.getByRole('button', { name: 'Continue' }).click();
        await shown(page.getByText(found));
      }
      await page.reload();
      await shown(page.getByText('Nobody yet.'));
      assert.equal(await page.evaluate(() => localStorage.length + document.cookie.length), 0);
    }, { url: served.url, expected: /401/ });
  } finally {
    await served.stop();
  }
}

run({
  test_empty_page_says_what_to_do,
  test_user_is_added_by_the_form,
  test_code_appears_and_is_copied,
  test_push_is_accepted_and_the_login_goes_on,
  test_push_is_rejected_by_the_keyboard_alone,
  test_user_is_added_by_the_keyboard_alone,
  test_device_is_enrolled_by_its_barcode,
  test_names_stay_text,
  test_clock_is_advanced_and_the_tenant_reset,
  test_colours_and_width_are_the_readers,
  test_lost_server_is_told_and_found_again,
  test_token_is_asked_for_and_kept_for_the_tab,
});

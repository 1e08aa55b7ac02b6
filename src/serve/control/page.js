// The page polls the control API and shows what has changed. All that users name is put in as text.

const PAUSE = 1000; // ms between two looks
const PATIENCE = 5000; // ms until a silent server counts as lost
const MESSAGES = 200; // as many of the newest as are shown

const $ = (id) => document.getElementById(id);
const CHANNELS = { email: 'E-mail', sms: 'Text message', voice: 'Call', push: 'Push' };
const MEANS = { email: 'E-mail', sms: 'Text message', voice: 'Call', auth0: 'Push' };
const TYPES = { otp: 'Authenticator app', 'recovery-code': 'Recovery code' };
const POLICIES = { always: 'asked of every login', never: 'never asked' };

const token = {
  get: () => sessionStorage.getItem('control-token'),
  set: (value) => sessionStorage.setItem('control-token', value),
};

/** An answer that is an error. */
class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** A request to the control API; throws `Refused`, or something else where there is no answer. */
async function call(method, path, body) {
  const headers = {};
  if (token.get()) headers.authorization = `Bearer ${token.get()}`;
  if (body) headers['content-type'] = 'application/json';
  const response = await fetch(path, {
    method,
    headers,
    body: body && JSON.stringify(body),
    cache: 'no-store',
    signal: AbortSignal.timeout(PATIENCE),
  });
  const text = await response.text();
  let answer = null;
  try {
    answer = text ? JSON.parse(text) : null;
  } catch {
    throw new Refused(response.status, 'The answer is not the control API’s.');
  }
  if (!response.ok) throw new Refused(response.status, answer?.error_description ?? `Status ${response.status}`);
  return answer;
}

/** An element with properties and children; text stays text. */
function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/**
 * Makes a list show `items`: what is there already stays untouched, with its focus and selection, so that nothing
 * flickers. An item is known by its key; one whose content has changed is made again. Gives the items that are new.
 */
function show(list, items, key, render) {
  const known = new Map([...list.children].map((element) => [element.dataset.key, element]));
  const fresh = [];
  let place = list.firstElementChild;
  for (const item of items) {
    const name = key(item);
    const content = JSON.stringify(item);
    let element = known.get(name);
    known.delete(name);
    if (element?.content !== content) {
      const focused = element?.contains(document.activeElement);
      if (!element) fresh.push(item);
      const made = render(item);
      made.dataset.key = name;
      made.content = content;
      if (element) {
        if (place === element) place = made;
        element.replaceWith(made);
        if (focused) made.querySelector('button')?.focus();
      }
      element = made;
    }
    if (element === place) place = place.nextElementSibling;
    else list.insertBefore(element, place);
  }
  for (const gone of known.values()) gone.remove();
  return fresh;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function clockTime(millis) {
  const date = new Date(millis);
  const text = date.toLocaleTimeString([], { hour12: false });
  return make('time', { dateTime: date.toISOString(), title: date.toISOString(), textContent: text });
}

/** How far the tenant's clock is from this machine's, where that can be seen. */
function distance(millis) {
  const seconds = Math.round(Math.abs(millis) / 1000);
  if (seconds < 5) return '';
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  const parts = [[hours, 'h'], [minutes, 'min'], [seconds % 60, 's']].filter(([number]) => number);
  const text = parts.map(([number, unit]) => `${number} ${unit}`).join(' ');
  return `${text} ${millis > 0 ? 'ahead' : 'behind'}`;
}

function renderUser(user) {
  const verified = user.email_verified ? 'verified' : 'not verified';
  const factors = user.authenticators.map((known) => {
    const kind = MEANS[known.oob_channel] ?? TYPES[known.authenticator_type] ?? known.authenticator_type;
    const state = known.active ? 'active' : 'not confirmed';
    return make(
      'li',
      {},
      make('span', { className: known.active ? 'chip' : 'chip pending', textContent: kind }),
      make('span', { className: 'name', textContent: known.name ?? '' }),
      make('span', { className: known.active ? 'state good' : 'state quiet', textContent: state }),
    );
  });
  const state = make('span', { className: user.email_verified ? 'state good' : 'state quiet', textContent: verified });
  const line = make('div', { className: 'line' }, make('span', { className: 'who', textContent: user.email }), state);
  const none = make('p', { className: 'quiet state', textContent: 'No authenticators' });
  return make('li', {}, line, factors.length ? make('ul', { className: 'factors' }, ...factors) : none);
}

function renderPush(push) {
  const scans = push.purpose === 'enrollment';
  const answer = (accept, name, className) => {
    const button = make('button', { type: 'button', textContent: name, className });
    button.setAttribute('aria-label', `${name}: ${push.email}`);
    button.onclick = () => act(button, async () => {
      const list = $('pushes');
      await call('POST', `push/${encodeURIComponent(push.id)}`, { accept });
      button.closest('li').remove();
      // The keyboard goes on with the next, or from where it was.
      (list.querySelector('button') ?? $('pushes-title')).focus();
    });
    return button;
  };
  const what = scans ? 'wants to enrol a device: scan its barcode?' : 'is asked: is it you who logs in?';
  const text = make('p', {}, make('span', { className: 'who', textContent: push.email }), ` ${what}`);
  const buttons = make('div', { className: 'buttons' },
    answer(true, scans ? 'Scan' : 'Accept', 'primary'), answer(false, 'Reject', ''));
  return make('li', {}, text, buttons);
}

function renderMessage({ message }) {
  const line = make('div', { className: 'line' },
    make('span', { className: 'chip', textContent: CHANNELS[message.channel] ?? message.channel }),
    make('span', { className: 'who', textContent: message.to }), clockTime(message.at));
  const item = make('li', {}, line);
  if (message.code) {
    const code = make('span', { className: 'code', textContent: message.code });
    const button = make('button', { type: 'button', className: 'small', textContent: 'Copy' });
    button.setAttribute('aria-label', `Copy the code ${message.code}`);
    button.onclick = () => copy(code, button);
    item.append(make('div', { className: 'line' }, code, button));
  }
  const text = message.text?.trim().replace(/\n{2,}/g, '\n') ?? (message.channel === 'push' ? `To the device ${message.device}` : '');
  item.append(make('p', { className: 'text', textContent: text }));
  return item;
}

/** Where pages may not write to the clipboard, as over HTTP from afar, the code is at least selected. */
async function copy(code, button) {
  let copied = true;
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    getSelection().selectAllChildren(code);
    copied = document.execCommand('copy');
  }
  button.textContent = copied ? 'Copied' : 'Selected';
  setText($('news'), `${button.textContent}: ${code.textContent}`);
  setTimeout(() => { button.textContent = 'Copy'; }, 1500);
}

/** Messages with a key each: what is said twice at once is told apart by its number. */
function keyed(messages) {
  const seen = new Map();
  const items = messages.map((message) => {
    const name = JSON.stringify(message);
    const number = (seen.get(name) ?? 0) + 1;
    seen.set(name, number);
    return { key: `${name}#${number}`, message };
  });
  return items.reverse();
}

let shownBefore = false;

function showAll(state, outbox) {
  const { tenant } = state;
  setText($('domain'), tenant.domain);
  setText($('issuer'), tenant.issuer);
  setText($('policy'), POLICIES[tenant.policy] ?? tenant.policy);
  show($('factors'), tenant.factors, (factor) => factor, (factor) => make('li', { textContent: factor }));

  const now = new Date(state.now);
  const clock = $('clock');
  clock.dateTime = clock.title = now.toISOString();
  setText(clock, now.toLocaleString([], { dateStyle: 'medium', timeStyle: 'medium', hour12: false }));
  setText($('ahead'), distance(state.now - Date.now()));

  show($('users'), state.users, (user) => user.user_id, renderUser);
  const newPushes = show($('pushes'), state.push, (push) => push.id, renderPush);
  const newMessages = show($('outbox'), keyed(outbox), (item) => item.key, renderMessage);
  for (const [name, { length }] of [['users', state.users], ['pushes', state.push], ['outbox', outbox]]) {
    setText($(`${name}-count`), length ? String(length) : '');
    $(`${name}-empty`).hidden = length > 0;
  }
  if (outbox.length === MESSAGES) setText($('outbox-count'), `the newest ${MESSAGES}`);
  if (shownBefore) announce(newPushes, newMessages);
  shownBefore = true;
}

function announce(pushes, messages) {
  const told = messages.filter(({ message }) => message.code).map(({ key, message }) => {
    const element = [...$('outbox').children].find((known) => known.dataset.key === key);
    element?.classList.add('new');
    return `${CHANNELS[message.channel]} to ${message.to}, code ${message.code}`;
  });
  told.push(...pushes.map((push) => `A push to ${push.email} waits for an answer`));
  if (told.length) setText($('news'), told.join('. '));
}

function showConnection(state, text) {
  const connection = $('connection');
  connection.dataset.state = state;
  setText(connection, text);
  $('main').classList.toggle('stale', state === 'lost');
}

/** Shows a text where there is one, and nothing else. */
function tell(id, text) {
  $(id).hidden = !text;
  setText($(id), text);
}

function askForToken(wrong) {
  $('main').hidden = true;
  $('unlock').hidden = false;
  showConnection('waiting', 'Locked');
  tell('problem', wrong ? 'That is not the control token of this tenant.' : '');
  $('unlock').elements.token.focus();
}

/** Looks once. What comes too late to matter is thrown away: an action has looked since. */
let looks = 0;
async function look() {
  const number = ++looks;
  try {
    const [state, outbox] = await Promise.all([call('GET', 'state'), call('GET', `outbox?last=${MESSAGES}`)]);
    if (number !== looks) return;
    $('unlock').hidden = true;
    $('main').hidden = false;
    showAll(state, outbox);
    showConnection('live', 'Live');
    tell('problem', '');
  } catch (error) {
    if (number !== looks) return;
    if (error.status === 401) {
      if ($('unlock').hidden) askForToken(Boolean(token.get()));
    } else if (error instanceof Refused) {
      showConnection('lost', 'Refused');
      tell('problem', error.message);
    } else {
      showConnection('lost', 'Not connected');
      tell('problem', 'The server does not answer. This page goes on when it is back.');
    }
  }
}

/** Does what a button or a form is for, once at a time, and shows what has come of it; a refusal at `place`. */
async function act(control, work, place = 'refusal') {
  control.disabled = true;
  tell(place, '');
  try {
    await work();
    await look();
  } catch (error) {
    if (error instanceof Refused) tell(place, error.message);
    else await look();
  } finally {
    control.disabled = false;
  }
}

for (const button of document.querySelectorAll('[data-advance]')) {
  button.onclick = () => act(button, async () => {
    await call('POST', 'clock', { advance: button.dataset.advance });
    button.disabled = false;
    button.focus();
  });
}

$('reset').onclick = () => {
  $('confirm').returnValue = '';
  $('confirm').showModal();
};
$('confirm').onclose = () => {
  if ($('confirm').returnValue === 'reset') act($('reset'), () => call('POST', 'reset'));
};

$('add').onsubmit = (event) => {
  event.preventDefault();
  const form = event.target;
  const { email, password, email_verified: verified } = form.elements;
  act(form.querySelector('button'), async () => {
    await call('POST', 'users', {
      email: email.value.trim(),
      password: password.value,
      email_verified: verified.checked,
    });
    form.reset();
    email.focus();
  }, 'add-problem');
};

$('unlock').onsubmit = (event) => {
  event.preventDefault();
  const field = event.target.elements.token;
  token.set(field.value);
  field.value = '';
  $('unlock').hidden = true;
  look();
};

const base = new URL('.', location.href);
$('curl').textContent = [
  `curl ${base}users \\`,
  `  -H 'content-type: application/json' \\`,
  `  -d '{"email": "ada@example.com",`,
  `       "password": "correct horse",`,
  `       "enrolled": [{"channel": "email"}]}'`,
].join('\n');

for (;;) {
  // Of a page that nobody sees nothing has to be up to date.
  if (document.hidden) {
    await new Promise((seen) => document.addEventListener('visibilitychange', seen, { once: true }));
  }
  if ($('unlock').hidden) await look();
  await new Promise((passed) => setTimeout(passed, PAUSE));
}

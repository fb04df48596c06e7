// docs/clients.md, "Browser: the session token in a cookie". The server allows one other origin.

import assert from 'node:assert/strict';
import test from 'node:test';

import { Browser } from './browser.mjs';
import { cookieSession } from './cookie-session.mjs';
import * as harness from './harness.mjs';
import { REFRESH, base, bearer, me, requests, revokeToken, sent } from './harness.mjs';

harness.forbidStorage();
const wire = globalThis.fetch;
const allowed = process.env.ALLOWED_ORIGIN;
const OTHER = 'http://127.0.0.1:6666';

/** A page that was just opened, in a browser; its scripts see nothing but `fetch`. */
function open(browser, origin) {
  globalThis.fetch = browser.page(origin);
  const seen = { signedOut: 0 };
  return { ...cookieSession({ auth: base, onSignedOut: () => (seen.signedOut += 1) }), seen };
}

async function signedIn(origin) {
  const user = await harness.account();
  const browser = new Browser(base, wire);
  const page = open(browser, origin);
  assert.equal(await page.start(), false);
  assert.equal(page.seen.signedOut, 0, 'that nobody is signed in yet is no sign-out');
  const login = await page.session.login(user.email, user.password);
  return { ...page, login, browser, user };
}

for (const [whose, origin] of [
  ['of the server itself', base],
  ['that the server allows', allowed],
]) {
  test(`a page ${whose} signs in, goes on after a reload, and signs out`, async () => {
    const { session, login, browser } = await signedIn(origin);
    const cookie = browser.cookie('session_id');
    assert.match(browser.received.at(-1), /; HttpOnly; SameSite=Lax$/);
    assert.ok(cookie.startsWith(`${login.session_id}.`), 'the body names the handle');
    assert.ok(!JSON.stringify(login).includes(cookie), 'and not the token');
    assert.equal((await session.getSessions())[0].is_current, true);

    const reloaded = open(browser, origin);
    assert.equal(await reloaded.start(), true);
    const after = await (await reloaded.session.fetch('/auth/me')).json();
    assert.equal(after.session_id, login.session_id);

    await revokeToken(reloaded.session.accessToken);
    requests.length = 0;
    const calls = Array.from({ length: 20 }, () => reloaded.session.fetch('/auth/me'));
    for (const response of await Promise.all(calls)) assert.equal(response.status, 200);
    assert.equal(sent('POST', REFRESH).length, 1);
    for (const { headers } of sent('GET', '/auth/me')) assert.equal(headers.get('Cookie'), null);

    const { accessToken } = reloaded.session;
    await reloaded.session.logout();
    assert.equal(browser.cookie('session_id'), undefined);
    assert.equal((await me(harness.session(cookie))).code, 'session_revoked');
    assert.equal((await me(bearer(accessToken))).status, 401);
    assert.equal(await open(browser, origin).start(), false);
  });
}

test('a session token that is replaced arrives as a cookie', async () => {
  const { session, browser } = await signedIn(allowed);
  const cookies = new Set([browser.cookie('session_id')]);
  for (let round = 0; round < 3; round += 1) {
    await session.refresh();
    cookies.add(browser.cookie('session_id'));
  }
  assert.equal(cookies.size, 4);
  assert.equal((await session.fetch('/auth/me')).status, 200);
});

test('a new password replaces the cookie', async () => {
  const { session, browser, user } = await signedIn(allowed);
  const before = browser.cookie('session_id');
  const data = await session.changePassword(user.password, 'another sentence of the tests');
  const after = browser.cookie('session_id');
  assert.notEqual(after, before);
  assert.ok(after.startsWith(`${data.session_id}.`) && !JSON.stringify(data).includes(after));
  assert.equal((await me(harness.session(before))).status, 401);
  await session.refresh();
  assert.equal((await session.fetch('/auth/me')).status, 200);
});

test("another origin's page can neither read, refresh, sign in nor sign out", async () => {
  const { browser, session, user } = await signedIn(base);
  const hostile = browser.page(OTHER);
  requests.length = 0;
  for (const path of [REFRESH, '/auth/sessions/logout']) {
    // Without a preflight: it reaches the server, cookie and all.
    const asked = hostile(base + path, { method: 'POST', credentials: 'include' });
    await assert.rejects(asked, /CORS/);
    assert.deepEqual(
      sent('POST', path).map(({ status, headers }) => [status, headers.has('Cookie')]),
      [[403, true]],
    );
  }
  await assert.rejects(hostile(`${base}/auth/sessions`, { credentials: 'include' }), /CORS/);
  const { session: theirs } = open(browser, OTHER);
  await assert.rejects(theirs.login(user.email, user.password), /CORS/);
  globalThis.fetch = browser.page(base);
  assert.equal((await session.fetch('/auth/me')).status, 200, 'nothing came of it');
});

test('when another tab signs in as somebody else, this one is signed out', async () => {
  const { session, seen, browser } = await signedIn(base);
  const first = globalThis.fetch;
  const somebody = await harness.account();
  const tab = open(browser, base);
  await tab.session.login(somebody.email, somebody.password);
  globalThis.fetch = first;
  await assert.rejects(session.fetch('/auth/me'), { status: 401, code: 'another_session' });
  assert.deepEqual([seen.signedOut, session.accessToken], [1, null]);
  await assert.rejects(session.fetch('/auth/me'), { code: 'signed_out' });
  assert.equal((await tab.session.fetch('/auth/me')).status, 200);
});

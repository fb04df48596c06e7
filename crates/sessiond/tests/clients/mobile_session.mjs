// docs/clients.md, "React Native". The server replaces the session token with each refresh.

import assert from 'node:assert/strict';
import test from 'node:test';

import { AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY, kept } from 'expo-secure-store';

import * as harness from './harness.mjs';
import { REFRESH, base, bearer, me, onRequest, requests, revokeToken, sent } from './harness.mjs';
import { MobileSession } from './mobile-session.mjs';

harness.forbidStorage();

const device = { device_type: 'mobile', os: 'iOS', browser: 'Shop', device_fingerprint: "Ada's phone" };

/** The app as it is after a start: nothing but secure storage is left of what was before. */
function start() {
  const seen = { signedOut: 0 };
  const app = new MobileSession({ auth: base, device, onSignedOut: () => (seen.signedOut += 1) });
  return { app, seen };
}

async function signedIn() {
  kept.clear();
  const { email, password } = await harness.account();
  const { app, seen } = start();
  assert.equal(await app.restore(), false);
  const login = await app.login(email, password);
  return { app, seen, login };
}

const stored = () => kept.get('session_token')?.value;

test('keeps the session token in secure storage, and nothing else anywhere', async () => {
  const { app, login } = await signedIn();
  assert.deepEqual([...kept.keys()], ['session_token']);
  const { value, options } = kept.get('session_token');
  assert.equal(value, login.session_id);
  assert.equal(options.keychainAccessible, AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY);
  const [session] = await app.getSessions();
  assert.deepEqual(
    [session.device_fingerprint, session.browser, session.remember_me],
    ["Ada's phone", 'Shop', true],
  );
});

test('goes on after a start, with one refresh for all calls', async () => {
  const { login } = await signedIn();
  const { app } = start();
  assert.equal(await app.restore(), true);
  requests.length = 0;
  const calls = Array.from({ length: 20 }, () => app.fetch('/auth/me'));
  for (const response of await Promise.all(calls)) assert.equal(response.status, 200);
  assert.equal(sent('POST', REFRESH).length, 1);
  assert.notEqual(stored(), login.session_id, 'the new token is stored');
  assert.equal((await me(harness.session(stored()))).status, 200);
});

test('each start finds the newest token', async () => {
  const { login } = await signedIn();
  for (let round = 0; round < 4; round += 1) {
    const { app } = start();
    await app.restore();
    assert.equal((await app.fetch('/auth/me')).status, 200);
    const { headers } = sent('GET', '/auth/me').at(-1);
    await revokeToken(headers.get('Authorization').slice('Bearer '.length));
    assert.equal((await app.fetch('/auth/me')).status, 200);
  }
  const tokens = sent('POST', REFRESH).map(({ headers }) => headers.get('X-Session-ID'));
  assert.equal(tokens[0], login.session_id);
  assert.equal(new Set(tokens).size, 8);
});

test('a start without a network signs nobody out', async () => {
  await signedIn();
  const { app, seen } = start();
  assert.equal(await app.restore(), true);
  onRequest(() => Promise.reject(new TypeError('no network')));
  await assert.rejects(app.fetch('/auth/me'), TypeError);
  onRequest(null);
  assert.equal((await app.fetch('/auth/me')).status, 200);
  assert.equal(seen.signedOut, 0);
});

test('a session that was ended elsewhere leaves nothing behind', async () => {
  const { app, seen, login } = await signedIn();
  await revokeToken(login.session_id);
  await assert.rejects(app.fetch('/auth/me'), { status: 401, code: 'session_revoked' });
  assert.deepEqual([seen.signedOut, kept.size], [1, 0]);
});

test('a logout ends the session and empties the storage', async () => {
  const { app, login } = await signedIn();
  await app.logout();
  assert.equal(kept.size, 0);
  assert.equal((await me(harness.session(login.session_id))).code, 'session_revoked');
  assert.equal((await me(bearer(login.access_token))).status, 401);
});

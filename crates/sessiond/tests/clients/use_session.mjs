// docs/clients.md, "React: a list of the user's sessions".

import assert from 'node:assert/strict';
import test from 'node:test';

import { mount } from 'react';

import * as harness from './harness.mjs';
import { base, me, onRequest, requests, revokeToken, sent } from './harness.mjs';
import { SessionClient } from './session-client.mjs';
import { useSession } from './use-session.mjs';

harness.forbidStorage();
const LIST = '/auth/sessions';

async function signedIn() {
  const { email, password } = await harness.account();
  const client = new SessionClient({ auth: base });
  await client.login(email, password, { device: { browser: 'this' } });
  const other = await new SessionClient({ auth: base }).login(email, password, {
    device: { browser: 'other' },
  });
  return { client, other };
}

/** Waits for what happens by itself, and not for time: turns of the event loop, until it is so. */
async function until(isSo) {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

const names = (view) => view.current.sessions.map(({ browser }) => browser);

test('shows the sessions, ends one, and loads the list again', async () => {
  const { client, other } = await signedIn();
  const view = mount(() => useSession(client));
  assert.deepEqual([view.current.loading, view.current.sessions], [true, []]);
  await until(() => !view.current.loading);
  assert.deepEqual(names(view), ['other', 'this']);
  const [{ session_id: handle }] = view.current.sessions;
  requests.length = 0;
  assert.equal(await view.current.revoke(handle), true);
  await until(() => view.current.sessions.length === 1);
  assert.deepEqual(names(view), ['this']);
  assert.equal(sent('GET', LIST).length, 1, 'as the server tells it');
  assert.equal((await me(harness.session(other.session_id))).code, 'session_revoked');
  view.unmount();
});

test('refreshes on its own where the access token is dead', async () => {
  const { client } = await signedIn();
  await revokeToken(client.accessToken);
  const view = mount(() => useSession(client));
  await until(() => !view.current.loading);
  assert.deepEqual([names(view), view.current.error], [['other', 'this'], null]);
  view.unmount();
});

test('errors come to light, and go when the next try succeeds', async () => {
  const { client } = await signedIn();
  onRequest(() => Promise.reject(new TypeError('no network')));
  const view = mount(() => useSession(client));
  await until(() => !view.current.loading);
  assert.equal(view.current.error.message, 'no network');
  onRequest(null);
  await view.current.reload();
  await until(() => view.current.error === null);
  const current = view.current.sessions.find((session) => session.is_current);
  assert.equal(await view.current.revoke(current.session_id), false);
  await until(() => view.current.error !== null);
  assert.equal(view.current.error.code, 'current_session');
  assert.equal(view.current.sessions.length, 2, 'and the list stays');
  view.unmount();
});

test('a session that ended by itself is gone from the list all the same', async () => {
  const { client, other } = await signedIn();
  const view = mount(() => useSession(client));
  await until(() => !view.current.loading);
  const [{ session_id: handle }] = view.current.sessions;
  await revokeToken(other.session_id);
  assert.equal(await view.current.revoke(handle), true);
  await until(() => view.current.sessions.length === 1);
  assert.equal(view.current.error, null);
  view.unmount();
});

test('what is under way when the component goes is aborted, and changes nothing', async () => {
  const { client } = await signedIn();
  let signal;
  const asked = client.getSessions;
  client.getSessions = (init) => {
    ({ signal } = init);
    return asked.call(client, init);
  };
  const view = mount(() => useSession(client));
  await until(() => signal);
  view.unmount();
  assert.equal(signal.aborted, true);
  requests.length = 0;
  await view.current.reload();
  await client.fetch('/auth/me');
  assert.equal(sent('GET', LIST).length, 0, 'nor does it begin anew');
  assert.deepEqual(view.late, []);
});

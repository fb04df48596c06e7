// docs/clients.md, "Axios".

import assert from 'node:assert/strict';
import test from 'node:test';

import { axiosFor } from './axios-session.mjs';
import * as harness from './harness.mjs';
import { REFRESH, base, onRequest, requests, revokeToken, sent } from './harness.mjs';
import { SessionClient } from './session-client.mjs';

harness.forbidStorage();

async function signedIn() {
  const { email, password } = await harness.account();
  const seen = { signedOut: 0 };
  const session = new SessionClient({ auth: base, onSignedOut: () => (seen.signedOut += 1) });
  const login = await session.login(email, password);
  return { api: axiosFor(session, base), session, login, password, seen };
}

test('20 calls with a dead access token cause one refresh, and all succeed', async () => {
  const { api, session, login } = await signedIn();
  await revokeToken(login.access_token);
  requests.length = 0;
  const mixed = Array.from({ length: 20 }, (_, n) =>
    n % 4 === 0 ? session.fetch('/auth/me') : api.get('/auth/me'),
  );
  for (const { status } of await Promise.all(mixed)) assert.equal(status, 200);
  assert.equal(sent('POST', REFRESH).length, 1);
  const granted = sent('GET', '/auth/me').filter(({ status }) => status === 200);
  assert.equal(granted.length, 20);
  for (const { headers } of granted) {
    assert.equal(headers.get('Authorization'), `Bearer ${session.accessToken}`);
  }
});

test('a 401 that comes after the refresh of others starts no second one', async () => {
  const { api, login } = await signedIn();
  await revokeToken(login.access_token);
  requests.length = 0;
  let answerLate;
  const late = new Promise((resolve) => (answerLate = resolve));
  let first = true;
  onRequest(({ path }, go) => {
    if (path !== '/auth/me' || !first) return null;
    first = false;
    return go().then(async (response) => (await late, response));
  });
  const slow = api.get('/auth/me');
  assert.equal((await api.get('/auth/me')).status, 200);
  answerLate();
  assert.equal((await slow).status, 200);
  assert.equal(sent('POST', REFRESH).length, 1);
});

test('a call is repeated as it was, its body too', async () => {
  const { api, login, password } = await signedIn();
  await revokeToken(login.access_token);
  const body = { current_password: password, new_password: 'another sentence of the tests' };
  const response = await api.post('/auth/password', body);
  assert.equal(response.status, 200);
});

test('what one user asked is not repeated as another', async () => {
  const { api, session, login } = await signedIn();
  const somebody = await harness.account();
  await revokeToken(login.access_token);
  let answerLate;
  const late = new Promise((resolve) => (answerLate = resolve));
  onRequest(({ headers }, go) => {
    if (headers.get('Authorization') !== `Bearer ${login.access_token}`) return null;
    return go().then(async (response) => (await late, response));
  });
  const slow = api.post('/auth/logout-all');
  await session.login(somebody.email, somebody.password);
  answerLate();
  await assert.rejects(slow, (error) => error.response.status === 401);
  assert.equal(sent('POST', '/auth/logout-all').length, 1);
});

test('a 401 about something else is no reason to refresh', async () => {
  const { api } = await signedIn();
  requests.length = 0;
  const passwords = { current_password: 'not the password', new_password: 'a new sentence of theirs' };
  const code = (error) => error.response.data.code === 'invalid_credentials';
  await assert.rejects(api.post('/auth/password', passwords), code);
  assert.equal(requests.length, 1);
});

test('a second 401 goes to the caller: no loop', async () => {
  const { api, login } = await signedIn();
  await revokeToken(login.access_token);
  requests.length = 0;
  onRequest(({ path }, go) => {
    if (path !== REFRESH) return null;
    return go().then(async (response) => {
      await revokeToken((await response.clone().json()).access_token);
      return response;
    });
  });
  await assert.rejects(api.get('/auth/me'), (error) => error.response.status === 401);
  assert.equal(sent('POST', REFRESH).length, 1);
  assert.equal(sent('GET', '/auth/me').length, 2);
});

test('a refresh that is refused is not tried again, and signs out once', async () => {
  const { api, login, seen } = await signedIn();
  await revokeToken(login.session_id);
  requests.length = 0;
  const calls = await Promise.allSettled([1, 2, 3].map(() => api.get('/auth/me')));
  assert.ok(calls.some(({ reason }) => reason?.code === 'session_revoked'));
  assert.ok(calls.every(({ status }) => status === 'rejected'));
  assert.equal(sent('GET', '/auth/me').length, 3);
  assert.equal(sent('POST', REFRESH).length, 1);
  assert.equal(seen.signedOut, 1);
});

test('other errors pass through, and a token goes to no other host', async () => {
  const { api } = await signedIn();
  requests.length = 0;
  await assert.rejects(api.get('/admin/audit'), (error) => error.response.status === 403);
  await assert.rejects(api.get('http://example.net/'), (error) => error.response.status === 404);
  assert.deepEqual([requests.length, sent('POST', REFRESH).length], [2, 0]);
});

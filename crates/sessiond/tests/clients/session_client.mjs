// docs/clients.md, "Browser: tokens in memory".

import assert from 'node:assert/strict';
import test from 'node:test';

import * as harness from './harness.mjs';
import { REFRESH, base, bearer, me, onRequest, requests, revokeToken, sent } from './harness.mjs';
import { SessionClient, SessionError } from './session-client.mjs';

harness.forbidStorage();

async function signedIn() {
  const { email, password } = await harness.account();
  const seen = { signedOut: 0 };
  const make = () => new SessionClient({ auth: base, onSignedOut: () => (seen.signedOut += 1) });
  const client = make();
  const login = await client.login(email, password, { device: { browser: 'first' } });
  return { client, login, make, email, password, seen };
}

test('lists sessions, ends one, ends all others', async () => {
  const { client, make, email, password } = await signedIn();
  const logins = [];
  for (const browser of ['second', 'third', 'fourth']) {
    logins.push(await make().login(email, password, { device: { browser } }));
  }
  const sessions = await client.getSessions();
  assert.deepEqual(
    sessions.map((one) => [one.browser, one.is_current]),
    [
      ['fourth', false],
      ['third', false],
      ['second', false],
      ['first', true],
    ],
  );
  await client.revoke(sessions[2].session_id);
  assert.equal((await me(harness.session(logins[0].session_id))).code, 'session_revoked');
  assert.equal((await me(harness.session(logins[1].session_id))).status, 200);
  assert.equal(await client.revokeOthers(), 2);
  assert.equal((await me(harness.session(logins[1].session_id))).status, 401);
  assert.equal((await me(bearer(logins[2].access_token))).status, 401);
  assert.equal((await client.getSessions()).length, 1);
  // A second time is fine; what is nobody's is not.
  await client.revoke(sessions[2].session_id);
  const gone = { name: 'SessionError', status: 404, code: 'not_found' };
  await assert.rejects(client.revoke('019a9c2e-7c00-7000-8000-000000000000'), gone);
});

test('a wrong password is an error with a code, and no session', async () => {
  const { email, password } = await harness.account();
  const client = new SessionClient({ auth: base });
  const wrong = { status: 401, code: 'invalid_credentials' };
  await assert.rejects(client.login(email, `${password}!`), wrong);
  await assert.rejects(client.getSessions(), { code: 'signed_out' });
});

test('20 calls with a dead access token cause one refresh, and all succeed', async () => {
  const { client } = await signedIn();
  const old = client.accessToken;
  await revokeToken(old);
  requests.length = 0;
  const calls = Array.from({ length: 20 }, () => client.fetch('/auth/me'));
  const statuses = (await Promise.all(calls)).map((response) => response.status);
  assert.deepEqual(statuses, Array(20).fill(200));
  assert.equal(sent('POST', REFRESH).length, 1);
  const asked = sent('GET', '/auth/me');
  const refused = asked.filter((request) => request.status === 401);
  const granted = asked.filter((request) => request.status === 200);
  assert.equal(refused.length, 20, 'all were sent with the old token first');
  assert.equal(granted.length, 20);
  for (const { headers } of granted) {
    assert.equal(headers.get('Authorization'), `Bearer ${client.accessToken}`);
  }
});

test('a 401 that comes after the refresh of others starts no second one', async () => {
  const { client } = await signedIn();
  await revokeToken(client.accessToken);
  requests.length = 0;
  let answerLate;
  const late = new Promise((resolve) => (answerLate = resolve));
  let first = true;
  onRequest(({ path }, go) => {
    if (path !== '/auth/me' || !first) return null;
    first = false;
    return go().then(async (response) => (await late, response));
  });
  const slow = client.fetch('/auth/me');
  assert.equal((await client.fetch('/auth/me')).status, 200);
  answerLate();
  assert.equal((await slow).status, 200);
  assert.equal(sent('POST', REFRESH).length, 1);
});

test('what one user asked is not repeated as another', async () => {
  const { client } = await signedIn();
  const first = client.accessToken;
  const somebody = await harness.account();
  await revokeToken(first);
  let answerLate;
  const late = new Promise((resolve) => (answerLate = resolve));
  onRequest(({ headers }, go) => {
    if (headers.get('Authorization') !== `Bearer ${first}`) return null;
    return go().then(async (response) => (await late, response));
  });
  const slow = client.fetch('/auth/sessions', { method: 'DELETE' });
  await client.login(somebody.email, somebody.password);
  answerLate();
  await assert.rejects(slow, { code: 'signed_out' });
  assert.deepEqual(sent('DELETE', '/auth/sessions').map(({ status }) => status), [401]);
});

test('a second 401 goes to the caller: no loop', async () => {
  const { client } = await signedIn();
  await revokeToken(client.accessToken);
  requests.length = 0;
  onRequest(({ path }, go) => {
    if (path !== REFRESH) return null;
    // The new token is useless before anybody has it.
    return go().then(async (response) => {
      await revokeToken((await response.clone().json()).access_token);
      return response;
    });
  });
  assert.equal((await client.fetch('/auth/me')).status, 401);
  assert.equal(sent('POST', REFRESH).length, 1);
  assert.equal(sent('GET', '/auth/me').length, 2);
});

test('a 401 that is about something else is no reason to refresh', async () => {
  const { client } = await signedIn();
  requests.length = 0;
  assert.equal((await client.fetch('/admin/audit')).status, 403);
  const passwords = { current_password: 'not the password', new_password: 'a new sentence of theirs' };
  const wrong = JSON.stringify(passwords);
  const headers = { 'Content-Type': 'application/json' };
  const refused = await client.fetch('/auth/password', { method: 'POST', headers, body: wrong });
  assert.equal(refused.status, 401);
  assert.equal(sent('POST', REFRESH).length, 0);
});

test('a call is repeated as it was: method, headers and body', async () => {
  const { client, password, email, make } = await signedIn();
  await revokeToken(client.accessToken);
  const next = 'another sentence of the tests';
  const response = await client.fetch('/auth/password', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ current_password: password, new_password: next }),
  });
  assert.equal(response.status, 200);
  await make().login(email, next);
});

test('after a new password it goes on with the new session', async () => {
  const { client, login, password } = await signedIn();
  await client.changePassword(password, 'another sentence of the tests');
  assert.equal((await me(harness.session(login.session_id))).status, 401);
  assert.equal((await client.fetch('/auth/me')).status, 200);
  await client.refresh();
  assert.equal((await client.getSessions()).length, 1);
});

test('a session token that is handed out by a refresh is kept', async () => {
  // This server replaces the token with each refresh, and takes the one before no more than once.
  const { client, login } = await signedIn();
  for (let round = 0; round < 4; round += 1) await client.refresh();
  const tokens = sent('POST', REFRESH).map(({ headers }) => headers.get('X-Session-ID'));
  assert.equal(tokens[0], login.session_id);
  assert.equal(new Set(tokens).size, 4, 'each refresh was asked with another token');
  assert.equal((await client.fetch('/auth/me')).status, 200);
  const { accessToken } = client;
  await client.logout();
  assert.equal((await me(bearer(accessToken))).code, 'access_token_invalid');
});

test('an access token is all that ordinary calls carry', async () => {
  const { client, login } = await signedIn();
  await client.getSessions();
  const [{ headers }] = sent('GET', '/auth/sessions');
  assert.equal(headers.get('Authorization'), `Bearer ${login.access_token}`);
  assert.equal(headers.get('X-Session-ID'), null);
});

test('a refresh that is refused signs out, once for all who wait', async () => {
  const { client, login, seen } = await signedIn();
  await revokeToken(login.session_id);
  const calls = await Promise.allSettled([1, 2, 3].map(() => client.fetch('/auth/me')));
  for (const { reason } of calls) {
    assert.ok(reason instanceof SessionError);
    // Whose answer comes after the refresh is told that there is no session any more.
    assert.ok(['session_revoked', 'signed_out'].includes(reason.code), reason.code);
  }
  assert.equal(sent('GET', '/auth/me').length, 3, 'nothing is repeated');
  assert.equal(seen.signedOut, 1);
  assert.equal(client.accessToken, null);
  requests.length = 0;
  await assert.rejects(client.fetch('/auth/me'), { code: 'signed_out' });
  assert.deepEqual([requests.length, seen.signedOut], [0, 1], 'and nothing more is sent');
});

test('a 503 and a network that is away sign nobody out', async () => {
  const { client, seen } = await signedIn();
  await revokeToken(client.accessToken);
  // The one answer that is made up here: a real server gives it when its store is away.
  const away = { status: 503, headers: { 'Retry-After': '1' } };
  onRequest(({ path }) => {
    return path === REFRESH ? Promise.resolve(Response.json({ code: 'unavailable' }, away)) : null;
  });
  await assert.rejects(client.fetch('/auth/me'), { status: 503, code: 'unavailable' });
  onRequest(({ path }) => (path === REFRESH ? Promise.reject(new TypeError('no network')) : null));
  await assert.rejects(client.fetch('/auth/me'), TypeError);
  assert.equal(seen.signedOut, 0);
  onRequest(null);
  assert.equal((await client.fetch('/auth/me')).status, 200, 'it goes on where it was');
});

test('after a logout both tokens are refused', async () => {
  const { client, login, seen } = await signedIn();
  assert.equal((await me(bearer(login.access_token))).status, 200);
  await client.logout();
  assert.equal((await me(harness.session(login.session_id))).code, 'session_revoked');
  assert.equal((await me(bearer(login.access_token))).code, 'access_token_invalid');
  assert.equal(client.accessToken, null);
  assert.equal(seen.signedOut, 0, 'the caller knows');
});

test('a logout waits for a refresh, and ends the session by its newest token', async () => {
  const { client, login } = await signedIn();
  await client.refresh();
  const refreshed = client.refresh().then(() => client.accessToken);
  const out = client.logout();
  await assert.rejects(client.refresh().then(() => client.refresh()), { code: 'signed_out' });
  await out;
  assert.equal(sent('POST', REFRESH).length, 2);
  const [{ headers }] = sent('POST', '/auth/sessions/logout');
  const tokens = sent('POST', REFRESH).map((request) => request.headers.get('X-Session-ID'));
  assert.equal(tokens[0], login.session_id);
  assert.ok(!tokens.includes(headers.get('X-Session-ID')), 'none of the tokens before');
  assert.equal((await me(bearer(await refreshed))).status, 401);
  assert.equal(client.accessToken, null);
});

test('a logout that the server did not hear is told, and can be tried again', async () => {
  const { client, login } = await signedIn();
  onRequest(() => Promise.reject(new TypeError('no network')));
  await assert.rejects(client.logout(), TypeError);
  onRequest(null);
  assert.equal((await me(bearer(login.access_token))).status, 200);
  await client.logout();
  assert.equal((await me(bearer(login.access_token))).status, 401);
});

test('a token goes to no other host', async () => {
  const { email, password } = await harness.account();
  const client = new SessionClient({ auth: base, api: 'https://api.example.org' });
  await client.login(email, password);
  let tried = 0;
  onRequest(() => {
    tried += 1;
    return Promise.resolve(new Response());
  });
  for (const path of ['.example.net/', '@example.net/', ':8443/', 'https://example.net/', '']) {
    await assert.rejects(client.fetch(path), /begins with/);
  }
  assert.equal(tried, 0);
});

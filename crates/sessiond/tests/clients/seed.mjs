// The quick start's own class, pasted unchanged but for a base address.

import assert from 'node:assert/strict';
import test from 'node:test';

import { REFRESH, account, base, bearer, me, revokeToken, sent, session } from './harness.mjs';
import { SessionManager } from './seed_class.mjs';

// What a page has and Node has not: addresses that begin at the page's own host, storage, a navigator.
const absolute = globalThis.fetch;
globalThis.fetch = (path, init) => absolute(base + path, init);
const storage = new Map();
globalThis.localStorage = {
  setItem: (key, value) => storage.set(key, String(value)),
  removeItem: (key) => storage.delete(key),
};
const navigator = { platform: 'MacIntel', userAgent: 'Mozilla/5.0 (Macintosh)' };
Object.defineProperty(globalThis, 'navigator', { value: navigator });

async function listed(manager) {
  const response = await fetch('/auth/sessions', { headers: manager.getAuthHeaders() });
  assert.equal(response.status, 200);
  return response.json();
}

test('logs in, lists, refreshes and logs out', async () => {
  const { email, password } = await account();
  const manager = new SessionManager();
  const data = await manager.login(email, password);
  assert.deepEqual([data.token_type, data.mfa_required], ['bearer', false]);
  assert.equal(storage.get('session_id'), data.session_id);

  const { sessions, total_count: total } = await listed(manager);
  assert.equal(total, 1);
  const [{ is_current: isCurrent, os, browser, device_type: type }] = sessions;
  assert.deepEqual([isCurrent, os, browser, type], [true, 'MacIntel', 'Mozilla/5.0', 'web']);

  const before = manager.accessToken;
  await manager.refreshToken();
  assert.notEqual(manager.accessToken, before);
  assert.equal((await listed(manager)).sessions[0].is_current, true);

  const { accessToken, sessionId } = manager;
  await manager.logout();
  assert.equal(sent('POST', '/auth/sessions/logout')[0].status, 200);
  assert.equal(storage.size, 0);
  assert.equal((await me(session(sessionId))).code, 'session_revoked');
  assert.equal((await me(bearer(accessToken))).code, 'access_token_invalid');
});

test('a dead access token beside it does not keep it from refreshing', async () => {
  const { email, password } = await account();
  const manager = new SessionManager();
  await manager.login(email, password, true);
  await revokeToken(manager.accessToken);
  const refused = await fetch('/auth/sessions', { headers: manager.getAuthHeaders() });
  assert.equal(refused.status, 401);
  await manager.refreshToken();
  const { sessions } = await listed(manager);
  assert.deepEqual([sessions.length, sessions[0].remember_me], [1, true]);
});

test('its monitor reads the counts, its device page ends other sessions', async () => {
  const { email, password } = await account();
  const [manager, other] = [new SessionManager(), new SessionManager()];
  await manager.login(email, password);
  await other.login(email, password);
  const headers = manager.getAuthHeaders();
  const stats = await (await fetch('/auth/sessions/stats', { headers })).json();
  assert.equal(stats.active_sessions, 2);
  const { sessions } = await listed(manager);
  const { session_id: handle } = sessions.find((one) => !one.is_current);
  const ended = await fetch(`/auth/sessions/${handle}`, { method: 'DELETE', headers });
  assert.equal(ended.status, 200);
  assert.equal((await me(session(other.sessionId))).status, 401);
});

test('where the session has ended, its errors are the ones that it expects', async () => {
  const { email, password } = await account();
  const manager = new SessionManager();
  await assert.rejects(manager.login(email, 'not the password'), /^Error: Login failed$/);
  await manager.login(email, password);
  await revokeToken(manager.sessionId);
  await assert.rejects(manager.refreshToken(), /^Error: Token refresh failed$/);
  assert.equal(sent('POST', REFRESH)[0].status, 401);
  await manager.logout();
  assert.equal(sent('POST', '/auth/sessions/logout')[0].status, 200);
});

// What the client tests share: the address of the server, accounts, and a record of every request.

import assert from 'node:assert/strict';

export const base = process.env.SESSIOND_URL;
const serviceKey = process.env.SESSIOND_SERVICE_KEY;
const direct = globalThis.fetch;

// A test that hangs is a test that fails.
setTimeout(() => {
  console.error('the script took longer than a minute');
  process.exit(1);
}, 60_000).unref();

/** What went over the wire by `fetch`, in the order of the answers. */
export const requests = [];
let detour = null;

globalThis.fetch = async (url, init = {}) => {
  const request = {
    method: init.method ?? 'GET',
    path: String(url).slice(base.length),
    headers: new Headers(init.headers),
  };
  const go = () => direct(url, init);
  const response = await (detour?.(request, go) ?? go());
  requests.push({ ...request, status: response.status });
  return response;
};

/** `handler` sees each request from now on: `null` lets it pass, a promise answers for it. */
export function onRequest(handler) {
  detour = handler;
}

export function sent(method, path) {
  return requests.filter((request) => request.method === method && request.path === path);
}

export const REFRESH = '/auth/sessions/refresh';

/** A new user, and an empty record. */
export async function account() {
  const email = `user-${Math.random().toString(36).slice(2)}@example.org`;
  const password = 'a plain sentence of the tests';
  const response = await direct(`${base}/auth/register`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ email, password }),
  });
  assert.equal(response.status, 201, await response.text());
  requests.length = 0;
  detour = null;
  return { email, password };
}

/**
 * Makes a token of either kind useless. An access token that was revoked goes the way of one that
 * has expired, without the wait.
 */
export async function revokeToken(token) {
  const response = await direct(`${base}/oauth2/revoke`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${serviceKey}` },
    body: new URLSearchParams({ token }),
  });
  assert.equal(response.status, 200, await response.text());
}

/** What `/auth/me` answers to these headers. */
export async function me(headers) {
  const response = await direct(`${base}/auth/me`, { headers });
  return { status: response.status, ...(await response.json()) };
}

export const bearer = (accessToken) => ({ Authorization: `Bearer ${accessToken}` });
export const session = (sessionToken) => ({ 'X-Session-ID': sessionToken });

/** Storage that scripts can read: no client of ours may touch it. */
export function forbidStorage() {
  for (const name of ['localStorage', 'sessionStorage', 'document', 'indexedDB']) {
    Object.defineProperty(globalThis, name, {
      get() {
        throw new Error(`${name} was touched`);
      },
    });
  }
}

// What stands before the provider: it counts the calls, and spoils those that a test wants spoilt.

import { setTimeout as wait } from 'node:timers/promises';

const LARGEST_BODY = 64 * 1024;

/** What was asked for and answered so far. `version` grows with each change. */
export class Counts {
  #counts = {
    version: 0,
    code_exchanges: 0,
    codes_exchanged: 0,
    refreshes: 0,
    refreshes_granted: 0,
    introspections: 0,
    revocations: 0,
    discoveries: 0,
    key_fetches: 0,
    logouts_taken: 0,
    logouts_refused: 0,
  };
  #waiting = new Set();

  add(name) {
    this.#counts[name] += 1;
    this.#counts.version += 1;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** The counts, once something has changed since the version that the caller knows. */
  async after(version) {
    if (this.#counts.version <= version) await new Promise((wake) => this.#waiting.add(wake));
    return this.#counts;
  }
}

/** The faults of the next token calls, one each, in order. */
export const faults = [];

const ASKED = { authorization_code: 'code_exchanges', refresh_token: 'refreshes' };
const GRANTED = { authorization_code: 'codes_exchanged', refresh_token: 'refreshes_granted' };
const OTHERS = {
  'POST /token/introspection': 'introspections',
  'POST /token/revocation': 'revocations',
  'GET /.well-known/openid-configuration': 'discoveries',
  'GET /.well-known/oauth-authorization-server': 'discoveries',
  'GET /jwks': 'key_fetches',
};

/** A call is counted when it comes, before its work and before any delay. */
export function gate(counts) {
  return async (ctx, next) => {
    const call = `${ctx.method} ${ctx.path}`;
    if (OTHERS[call]) counts.add(OTHERS[call]);
    if (call !== 'POST /token') return next();

    const form = await body(ctx.req);
    ctx.req.body = Object.fromEntries(form);
    const grantType = form.get('grant_type');
    const fault = faults.shift() ?? {};
    if (ASKED[grantType]) counts.add(ASKED[grantType]);
    if (fault.before_ms) await wait(fault.before_ms);
    await next();
    if (GRANTED[grantType] && ctx.status === 200) counts.add(GRANTED[grantType]);
    if (fault.after_ms) await wait(fault.after_ms);
    if (fault.drops_answer) {
      ctx.respond = false;
      ctx.req.socket.destroy();
    }
    return undefined;
  };
}

async function body(req) {
  const chunks = [];
  let length = 0;
  for await (const chunk of req) {
    length += chunk.length;
    if (length > LARGEST_BODY) throw new Error('the body is too long');
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString());
}

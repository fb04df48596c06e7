// What a test asks and orders past the provider, on a port of its own. JSON in, JSON out.

import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';

import { faults } from './gate.mjs';

/** A server that is not listening yet. */
export function control({ provider, records, counts }) {
  const orders = {
    counts: ({ after }) => counts.after(after),
    fault: (fault) => {
      faults.push(fault);
    },
    register: (client) => register(provider, records, client),
    token: ({ token }) => records.token(token),
    family: ({ grant_id: grantId }) => records.family(grantId),
    revoke: ({ grant_id: grantId }) => {
      records.revoke(grantId);
    },
  };
  return createServer(async (req, res) => {
    const answer = (status, value) => {
      res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value ?? null));
    };
    try {
      const order = orders[req.url.slice(1)];
      if (!order) return answer(404, `no order ${req.url}`);
      return answer(200, await order(await json(req)));
    } catch (error) {
      return answer(400, error.error_description ?? error.message);
    }
  });
}

/** Adds a client, or replaces it. What the provider does not take is an error at once. */
export async function register(provider, records, client) {
  await records.adapter('Client').upsert(client.client_id, client);
  await provider.Client.find(client.client_id);
}

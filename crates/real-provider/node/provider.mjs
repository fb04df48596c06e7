// oidc-provider from npm, on a free port of this machine, for one test.
//
//     node provider.mjs <folder with node_modules>
//
// The first line on stdin is the options as JSON. One line comes back on stdout:
// {"issuer": …, "control": …}. The process ends when stdin does, so it cannot outlive whoever started
// it, however that ends. Trouble is told on stderr.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

import { control, register } from './control.mjs';
import { Counts, gate } from './gate.mjs';
import { findAccount, person } from './person.mjs';
import { Records } from './storage.mjs';

// Its notices are for those who run it in earnest.
console.info = () => {};
console.warn = () => {};

// By its path: what is imported by name is looked for beside this file.
const entry = join(process.argv[2], 'node_modules', 'oidc-provider', 'lib', 'index.js');
const { Provider } = await import(pathToFileURL(entry));

const lines = createInterface({ input: process.stdin });
lines.once('line', (line) => start(JSON.parse(line)));
lines.once('close', () => process.exit(0));

async function start(options) {
  const server = createServer();
  const issuer = await listen(server);
  const records = new Records();
  const counts = new Counts();
  const provider = new Provider(issuer, configuration(options, records));
  for (const client of options.clients) await register(provider, records, client);
  provider.use(gate(counts));
  provider.use(person(provider));
  provider.on('server_error', (_ctx, error) => console.error(error));
  provider.on('backchannel.success', () => counts.add('logouts_taken'));
  provider.on('backchannel.error', () => counts.add('logouts_refused'));
  server.on('request', provider.callback());
  const orders = await listen(control({ provider, records, counts }));
  process.stdout.write(`${JSON.stringify({ issuer, control: orders })}\n`);
}

function configuration(options, records) {
  return {
    adapter: (model) => records.adapter(model),
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    conformIdTokenClaims: !options.claims_in_id_token,
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    features: {
      backchannelLogout: { enabled: true },
      claimsParameter: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: true, logoutSource: page, postLogoutSuccessSource: page },
    },
    // It would refuse to reach this machine's own addresses, which is where the tests listen.
    fetch: (url, { dispatcher: _, ...rest }) => fetch(url, rest),
    findAccount,
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    jwks: { keys: [key('rsa', { modulusLength: 2048 }, 'RS256'), key('ec', { namedCurve: 'P-256' }, 'ES256')] },
    pkce: { required: () => true },
    renderError: (ctx, out) => {
      ctx.type = 'json';
      ctx.body = JSON.stringify(out);
    },
    rotateRefreshToken: options.rotates_refresh_tokens,
    ttl: {
      AccessToken: options.access_token_ttl,
      AuthorizationCode: 60,
      Grant: 1209600,
      IdToken: 3600,
      Interaction: 3600,
      RefreshToken: options.refresh_token_ttl,
      Session: 1209600,
    },
  };
}

/** A page without words: the form alone, if there is one. */
function page(ctx, form = '') {
  ctx.type = 'html';
  ctx.body = form;
}

function key(type, options, alg) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), alg, kid: `${alg}-${randomBytes(4).toString('hex')}`, use: 'sig' };
}

function listen(server) {
  return new Promise((done, failed) => {
    server.once('error', failed);
    server.listen(0, '127.0.0.1', () => done(`http://127.0.0.1:${server.address().port}`));
  });
}

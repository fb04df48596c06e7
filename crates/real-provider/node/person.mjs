// The person at the provider: whoever `login_hint` names signs in and agrees, without being asked.

/** Signs in, and then does not agree. */
const REFUSES = 'refuses';

/** Answers the provider's pages for signing in and for consent. */
export function person(provider) {
  return async (ctx, next) => {
    if (!ctx.path.startsWith('/interaction/')) return next();
    const { prompt, params, session, grantId } = await provider.interactionDetails(ctx.req, ctx.res);
    const accountId = session?.accountId ?? params.login_hint ?? 'someone';
    const result = prompt.name === 'login'
      ? { login: { accountId: params.login_hint ?? 'someone' } }
      : await consent(provider, { accountId, clientId: params.client_id, grantId, details: prompt.details });
    ctx.respond = false;
    return provider.interactionFinished(ctx.req, ctx.res, result);
  };
}

async function consent(provider, { accountId, clientId, grantId, details }) {
  if (accountId === REFUSES) {
    return { error: 'access_denied', error_description: 'the person did not agree' };
  }
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId, clientId });
  if (details.missingOIDCScope) grant.addOIDCScope(details.missingOIDCScope.join(' '));
  if (details.missingOIDCClaims) grant.addOIDCClaims(details.missingOIDCClaims);
  return { consent: { grantId: await grant.save() } };
}

/** An account of any name exists. */
export function findAccount(_ctx, sub) {
  return {
    accountId: sub,
    claims: () => ({ sub, name: `${sub} of the tests`, email: `${sub}@example.org`, email_verified: true }),
  };
}

// As much of a browser as cookie mode is about: a cookie jar that scripts cannot look into, the headers
// that a page cannot forge, and CORS as in the Fetch standard. All pages here are of one site (hosts
// alike, ports not), so that SameSite lets the cookie through and the server has to decide.

export class Browser {
  #cookies = new Map();
  #server;
  #wire;
  /** The Set-Cookie lines as they came. */
  received = [];

  constructor(server, wire) {
    this.#server = server;
    this.#wire = wire;
  }

  /** What `fetch` is to the scripts of a page of this origin. */
  page(origin) {
    return async (url, init = {}) => {
      const headers = new Headers(init.headers);
      const method = init.method ?? 'GET';
      const isOwn = origin === this.#server;
      const withCookies = init.credentials === 'include' || (isOwn && init.credentials !== 'omit');
      const asksFirst = !isOwn && !isSimple(method, headers);
      if (asksFirst) await this.#preflight(url, method, headers, origin, withCookies);
      headers.set('Sec-Fetch-Site', isOwn ? 'same-origin' : 'same-site');
      if (!isOwn || method !== 'GET') headers.set('Origin', origin);
      if (withCookies && this.#cookies.size > 0) headers.set('Cookie', this.#line());
      const response = await this.#wire(url, { ...init, headers });
      if (withCookies) this.#store(response.headers.getSetCookie());
      if (!isOwn) admit(response, origin, withCookies);
      return response;
    };
  }

  async #preflight(url, method, headers, origin, withCookies) {
    const names = [...headers.keys()].join(',');
    const asked = {
      Origin: origin,
      'Access-Control-Request-Method': method,
      'Access-Control-Request-Headers': names,
    };
    const answer = await this.#wire(url, { method: 'OPTIONS', headers: asked });
    admit(answer, origin, withCookies);
    const allowed = (name) => (answer.headers.get(name) ?? '').toLowerCase().split(/ *, */);
    const missing = [...headers.keys()].filter(
      (name) => !allowed('access-control-allow-headers').includes(name),
    );
    const isMethod = allowed('access-control-allow-methods').includes(method.toLowerCase());
    if (!answer.ok || missing.length > 0 || !(isMethod || method === 'POST')) {
      throw new TypeError(`CORS: the preflight does not allow ${method} ${missing}`);
    }
  }

  #store(lines) {
    for (const line of lines) {
      this.received.push(line);
      const [pair, ...attributes] = line.split('; ');
      const [name, value] = pair.split('=');
      if (attributes.includes('Max-Age=0')) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }

  #line() {
    return [...this.#cookies].map((pair) => pair.join('=')).join('; ');
  }

  /** For the test alone: what no script of a page can read. */
  cookie(name) {
    return this.#cookies.get(name);
  }
}

function isSimple(method, headers) {
  const json = headers.get('Content-Type') !== null;
  const own = headers.has('Authorization') || headers.has('X-Session-ID');
  return ['GET', 'POST'].includes(method) && !json && !own;
}

function admit(response, origin, withCookies) {
  const { headers } = response;
  const isNamed = headers.get('Access-Control-Allow-Origin') === origin;
  const isFit = !withCookies || headers.get('Access-Control-Allow-Credentials') === 'true';
  if (!isNamed || !isFit) throw new TypeError(`CORS: ${origin} may not read the answer`);
}

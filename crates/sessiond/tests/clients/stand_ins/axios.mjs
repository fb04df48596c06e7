// Axios, as far as interceptors go: requests pass through those for requests, answers through those for
// responses, and an error carries the configuration as it was sent, with the body already a text.

class AxiosError extends Error {
  constructor(config, response) {
    super(`Request failed with status code ${response.status}`);
    Object.assign(this, { config, response });
  }
}

function interceptors() {
  const list = [];
  return { list, use: (...pair) => list.push(pair) };
}

async function send(given) {
  const config = { ...given };
  if (config.data !== undefined && typeof config.data !== 'string') {
    config.data = JSON.stringify(config.data);
    config.headers['Content-Type'] = 'application/json';
  }
  const isAbsolute = /^https?:/.test(config.url) && config.allowAbsoluteUrls !== false;
  const url = isAbsolute ? config.url : `${config.baseURL}/${config.url.replace(/^\/+/, '')}`;
  const answer = await fetch(url, {
    method: config.method.toUpperCase(),
    headers: config.headers,
    body: config.data,
  });
  const data = await answer.json().catch(() => null);
  const response = { status: answer.status, data, config };
  if (!answer.ok) throw new AxiosError(config, response);
  return response;
}

function create(defaults) {
  const api = {
    interceptors: { request: interceptors(), response: interceptors() },
    request(given) {
      const config = { method: 'get', ...defaults, ...given, headers: { ...given.headers } };
      let result = Promise.resolve(config);
      for (const [use, refuse] of api.interceptors.request.list) result = result.then(use, refuse);
      result = result.then(send);
      for (const [use, refuse] of api.interceptors.response.list) result = result.then(use, refuse);
      return result;
    },
    get: (url, config) => api.request({ ...config, method: 'get', url }),
    post: (url, data, config) => api.request({ ...config, method: 'post', url, data }),
  };
  return api;
}

export default { create };

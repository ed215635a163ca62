import { BedError } from './bed-error.mjs';

/** Keystone's v3 API, with one token. Throws BedError unless it answers with success. */
export class KeystoneClient {
  #url;
  #token;

  constructor(url, token, { user, project }) {
    this.#url = url;
    this.#token = token;
    this.userId = user.id;
    this.projectId = project.id;
  }

  /** A client for a user in a project of the default domain. */
  static async login(url, { user, password, project }) {
    const domain = { id: 'default' };
    const identity = { methods: ['password'], password: { user: { name: user, domain, password } } };
    const scope = { project: { name: project, domain } };
    const { response, body } = await call(url, 'POST', '/auth/tokens', { auth: { identity, scope } });
    return new KeystoneClient(url, response.headers.get('x-subject-token'), body.token);
  }

  async call(method, path, body) {
    return (await call(this.#url, method, path, body, this.#token)).body;
  }

  /** The first of a collection that fits, made if there is none. */
  async ensure(collection, query, fields) {
    const [kind] = collection.split('/').slice(-1);
    const found = await this.call('GET', `/${collection}?${new URLSearchParams(query)}`);
    if (found[kind].length > 0) return found[kind][0];
    const one = kind.slice(0, -1);
    return (await this.call('POST', `/${collection}`, { [one]: { ...query, ...fields } }))[one];
  }
}

/** Its server ends every connection after one answer, which a request on a kept one may meet: that was not performed. */
const ATTEMPTS = 5;

async function call(url, method, path, body, token, attempt = 1) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { 'x-auth-token': token }),
    },
    body: body === undefined ? null : JSON.stringify(body),
  }).catch((error) => {
    if (attempt < ATTEMPTS && error.cause?.code === 'UND_ERR_SOCKET') return undefined;
    throw new BedError(`Keystone: ${method} ${path}: ${error.cause?.message ?? error.message}; see its log`);
  });
  if (response === undefined) return call(url, method, path, body, token, attempt + 1);
  const text = await response.text();
  if (!response.ok)
    throw new BedError(`Keystone: ${method} ${path}: ${response.status} ${text.slice(0, 300)}`);
  return { response, body: text === '' ? undefined : JSON.parse(text) };
}

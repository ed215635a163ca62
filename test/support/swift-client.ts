import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type {
  OpenStackAccount,
  OpenStackCredentials,
  OpenStackScope,
} from '../../src/domain/openstack-credentials.js';

/** An account with a token for it. */
export interface SwiftSession {
  readonly storageUrl: string;
  readonly token: string;
}

export interface SwiftAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * One request whose path is sent exactly as it stands in `url`, for tests that state what Swift itself does or holds:
 * no retries, no reading of statuses.
 */
export async function swiftRequest(
  method: string,
  url: string,
  headers: Readonly<Record<string, string>> = {},
  body?: Uint8Array,
): Promise<SwiftAnswer> {
  const { hostname, port, origin } = new URL(url);
  return new Promise((resolve, reject) => {
    const path = url.slice(origin.length) || '/';
    const length = body === undefined ? {} : { 'content-length': String(body.length) };
    const options = { method, hostname, port, path, headers: { ...length, ...headers }, agent: false };
    const request = httpRequest(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
        }),
      );
    });
    request.once('error', reject);
    request.end(body);
  });
}

/** Logs in without any care for renewal; throws unless it succeeds. */
export async function swiftLogin(account: OpenStackAccount): Promise<SwiftSession> {
  const { credentials } = account;
  return credentials.kind === 'v1'
    ? v1Login(account.authUrl, credentials.user, credentials.key)
    : v3Login(account, v3Request(credentials));
}

async function v1Login(url: string, user: string, key: string): Promise<SwiftSession> {
  const answer = await swiftRequest('GET', url, { 'x-auth-user': user, 'x-auth-key': key });
  const { 'x-storage-url': storageUrl, 'x-auth-token': token } = answer.headers;
  if (typeof storageUrl !== 'string' || typeof token !== 'string')
    throw new Error(`${url}: ${answer.status} to the login of ${user}`);
  return { storageUrl, token };
}

interface Catalog {
  readonly token: {
    readonly catalog: readonly {
      readonly type: string;
      readonly endpoints: readonly {
        readonly interface: string;
        readonly region: string;
        readonly url: string;
      }[];
    }[];
  };
}

async function v3Login(account: OpenStackAccount, login: object): Promise<SwiftSession> {
  const headers = { 'content-type': 'application/json' };
  const body = Buffer.from(JSON.stringify(login));
  const answer = await swiftRequest('POST', `${account.authUrl}/auth/tokens`, headers, body);
  const token = answer.headers['x-subject-token'];
  if (typeof token !== 'string')
    throw new Error(`${account.authUrl}: ${answer.status} to a login by ${account.credentials.kind}`);
  const { catalog } = (JSON.parse(answer.body.toString()) as Catalog).token;
  const storageUrl = catalog
    .find(({ type }) => type === 'object-store')
    ?.endpoints.find((one) => one.interface === account.interface && one.region === account.region)?.url;
  if (storageUrl === undefined)
    throw new Error(`${account.authUrl}: no ${account.interface} object-store in ${account.region}`);
  return { storageUrl, token };
}

function v3Request(credentials: Exclude<OpenStackCredentials, { kind: 'v1' }>): object {
  const { kind } = credentials;
  switch (kind) {
    case 'application-credential': {
      const { credential, secret } = credentials;
      const method = { application_credential: { ...credential, secret } };
      return { auth: { identity: { methods: ['application_credential'], ...method } } };
    }
    case 'password': {
      const method = { password: { user: { ...credentials.user, password: credentials.password } } };
      return { auth: { identity: { methods: ['password'], ...method }, scope: scopeOf(credentials.scope) } };
    }
    case 'token': {
      const method = { token: { id: credentials.token } };
      return { auth: { identity: { methods: ['token'], ...method }, scope: scopeOf(credentials.scope) } };
    }
  }
}

function scopeOf(scope: OpenStackScope | undefined): object | undefined {
  return scope !== undefined && 'trust' in scope ? { 'OS-TRUST:trust': { id: scope.trust } } : scope;
}

import { rootCertificates } from 'node:tls';
import type { Pool } from 'undici';
import { BackendOutage } from '../../ports/auth.js';
import { isKeystoneError, projectsOf, tokenOf } from './keystone-answer.js';
import type { KeystoneProject, KeystoneToken } from './keystone-answer.js';
import type { KeystoneIdentity, KeystoneUser } from './keystone-identity.js';

export interface KeystoneClientOptions {
  /** With or without `/v3`. */
  readonly url: string;
  /** Certificates (PEM) that are trusted beside the public ones. */
  readonly ca?: string | undefined;
}

interface Answer {
  readonly status: number;
  readonly subjectToken: string | undefined;
  readonly body: unknown;
}

interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly token?: string;
  readonly body?: object;
  readonly signal: AbortSignal;
}

const CONNECTIONS = 16;
/** 400 is for names that nobody can have. */
const REFUSALS = [400, 401, 403];
const MOST_BYTES = 8 * 2 ** 20;
/** A token is wanted for its roles alone; the catalog would be most of the answer. */
const TOKENS = '/auth/tokens?nocatalog';

/**
 * What logins need of Keystone's v3 API. Undefined is Keystone's no; whatever is neither a yes nor a no throws.
 * Redirects are not followed and proxies of the environment are not used: passwords go to `url` alone.
 */
export class KeystoneClient {
  private readonly origin: string;
  private readonly path: string;
  private pool: Promise<Pool> | undefined;

  constructor(private readonly options: KeystoneClientOptions) {
    const { origin, pathname } = new URL(options.url);
    this.origin = origin;
    this.path = `${pathname.replace(/\/+$/, '').replace(/\/v3$/, '')}/v3`;
  }

  /** The token of a user without a project, or that of an application credential. @throws BackendOutage */
  login(identity: KeystoneIdentity, signal: AbortSignal): Promise<KeystoneToken | undefined> {
    const isId = identity.kind === 'application-credential' && 'id' in identity.credential;
    // Keystone answers 404 to the id of a credential that it does not know; else 404 is that of a wrong URL.
    return this.tokenBy(authOf(identity), signal, isId ? [...REFUSALS, 404] : REFUSALS);
  }

  /** The same user's token for a project. @throws BackendOutage */
  scoped(
    { id }: KeystoneToken,
    project: KeystoneProject,
    signal: AbortSignal,
  ): Promise<KeystoneToken | undefined> {
    const auth = {
      identity: { methods: ['token'], token: { id } },
      scope: { project: { id: project.id } },
    };
    return this.tokenBy(auth, signal, REFUSALS);
  }

  /** The projects in which the user of a token has a role. @throws BackendOutage */
  async projects(
    { id }: KeystoneToken,
    signal: AbortSignal,
  ): Promise<readonly KeystoneProject[] | undefined> {
    const answer = await this.call({ method: 'GET', path: '/auth/projects', token: id, signal });
    if (answer.status === 401) return undefined;
    return (answer.status === 200 ? projectsOf(answer.body) : undefined) ?? failed(answer);
  }

  /** Cuts what is under way. */
  async close(): Promise<void> {
    await (await this.pool)?.destroy();
  }

  private async tokenBy(
    auth: object,
    signal: AbortSignal,
    refusals: readonly number[],
  ): Promise<KeystoneToken | undefined> {
    const answer = await this.call({ method: 'POST', path: TOKENS, body: { auth }, signal });
    if (isRefusal(answer, refusals)) return undefined;
    const token = answer.status === 201 ? tokenOf(answer.subjectToken, answer.body) : undefined;
    return token ?? failed(answer);
  }

  private async call({ method, path, token, body, signal }: Call): Promise<Answer> {
    try {
      const pool = await (this.pool ??= this.open());
      const answer = await pool.request({
        path: this.path + path,
        method,
        headers: {
          accept: 'application/json',
          ...(body && { 'content-type': 'application/json' }),
          ...(token !== undefined && { 'x-auth-token': token }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal,
      });
      const subjectToken = answer.headers['x-subject-token'];
      return {
        status: answer.statusCode,
        subjectToken: typeof subjectToken === 'string' ? subjectToken : undefined,
        body: jsonOf(await textOf(answer.body)),
      };
    } catch (cause) {
      throw outage(cause);
    }
  }

  /** Later than at the start: only those who log in by Keystone pay for the library. */
  private async open(): Promise<Pool> {
    const { Pool } = await import('undici');
    const { ca } = this.options;
    const connect = ca === undefined ? {} : { ca: [...rootCertificates, ca] };
    // Without keep-alive: Keystone is often served by uwsgi, which closes connections without saying so.
    return new Pool(this.origin, { connect, connections: CONNECTIONS, pipelining: 0 });
  }
}

/** All but 401 also come from what stands before a Keystone. */
function isRefusal({ status, body }: Answer, refusals: readonly number[]): boolean {
  return refusals.includes(status) && (status === 401 || isKeystoneError(status, body));
}

function failed({ status }: Answer): never {
  throw outage(new Error(`its answer is not that of a Keystone (HTTP ${status}); check auth.keystone.url`));
}

function outage(cause: unknown): BackendOutage {
  return new BackendOutage('the identity service does not answer; try again', { cause });
}

function authOf(identity: KeystoneIdentity): object {
  const { secret } = identity;
  if (identity.kind === 'password') {
    const user = { ...userOf(identity.user), password: secret };
    // Else Keystone scopes the token to the user's default project.
    return { identity: { methods: ['password'], password: { user } }, scope: 'unscoped' };
  }
  const { credential } = identity;
  const named = 'id' in credential ? credential : { name: credential.name, user: userOf(credential.user) };
  return { identity: { methods: ['application_credential'], application_credential: { ...named, secret } } };
}

function userOf({ name, domain }: KeystoneUser): object {
  return { name, domain: { name: domain } };
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > MOST_BYTES) throw new Error(`its answer is longer than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Undefined where it is no JSON; the parser's error would quote it. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

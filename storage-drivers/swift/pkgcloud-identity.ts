import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Identity } from 'pkgcloud/lib/pkgcloud/openstack/context/index.js';
import type { LoginRequest } from './login-request.js';
import { trustedCertificates } from './trusted-certificates.js';

type Headers = Readonly<Record<string, string | undefined>>;

/** What the identity service answered, whatever the status. */
export interface LoginAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Headers;
  /** Parsed where it is JSON; undefined where pkgcloud does not show it. */
  readonly body: unknown;
}

/**
 * One login over the wire: all that is asked of pkgcloud, which has neither a timeout nor private certificates and
 * reports most failures as success. Rejects with what broke the connection, or with the reason of the signal.
 */
export async function sendLogin(
  request: LoginRequest,
  { ca, signal }: { ca: string | undefined; signal: AbortSignal },
): Promise<LoginAnswer> {
  signal.throwIfAborted();
  const agent = request.url.startsWith('https:')
    ? new HttpsAgent({ ca: trustedCertificates(ca) })
    : new HttpAgent();
  try {
    return await new Promise((resolve, reject) => {
      const abort = (): void => reject(signal.reason as Error);
      signal.addEventListener('abort', abort, { once: true });
      new PkgcloudLogin(request, agent).send().then(resolve, reject);
    });
  } finally {
    agent.destroy();
  }
}

class PkgcloudLogin extends Identity {
  private status = 0;
  private headers: Headers = {};
  private body: unknown;

  constructor(
    private readonly request: LoginRequest,
    private readonly agent: HttpAgent,
  ) {
    super(
      request.version === 1
        ? { url: request.url, version: 1, username: request.user, password: request.key }
        : { url: request.url, keystoneAuthVersion: 'v3' },
    );
    this.on('log::trace', (message, details) => this.observe(message, details));
  }

  async send(): Promise<LoginAnswer> {
    return new Promise((resolve, reject) => {
      this.authorize((error) => {
        if (isAnswer(error)) {
          resolve({ status: error.statusCode, headers: error.headers, body: error.result });
        } else if (error instanceof Error) reject(error);
        else resolve({ status: this.status, headers: this.headers, body: this.body });
      });
    });
  }

  override _buildAuthenticationPayload(): void {
    this._authenticationPayload = this.request.version === 1 ? true : this.request.payload;
  }

  override _parseIdentityResponse(body: unknown): void {
    this.body = body;
  }

  /** Its trace is the one place where pkgcloud shows the request before it is sent, and the headers of the answer. */
  private observe(message: string, details: unknown): void {
    if (message === 'Sending client authorization request') {
      // A proxy of the environment would apply to logins only; a redirect would carry the key elsewhere.
      Object.assign(details as object, { agent: this.agent, proxy: null, followRedirect: false });
    } else if (message === 'Provider Authentication Response') {
      const { statusCode, headers } = details as { statusCode: number; headers: Headers };
      this.status = statusCode;
      this.headers = headers;
    }
  }
}

function isAnswer(error: unknown): error is { statusCode: number; headers: Headers; result: unknown } {
  return typeof error === 'object' && error !== null && 'statusCode' in error;
}

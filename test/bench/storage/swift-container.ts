import { swiftLogin, swiftRequest, type SwiftAnswer } from '../../support/swift-client.js';
import type { Target } from '../subject.js';
import type { SwiftLoginVariables } from './swift-service.js';

const page = 1000;

/** A container of the bench's own. */
export class SwiftContainer {
  private constructor(
    readonly url: string,
    readonly token: string,
  ) {}

  static async open(login: SwiftLoginVariables, name: string): Promise<SwiftContainer> {
    const credentials = { kind: 'v1', user: login.ST_USER, key: login.ST_KEY } as const;
    const { storageUrl, token } = await swiftLogin({
      authUrl: login.ST_AUTH,
      credentials,
      interface: 'public',
    });
    return new SwiftContainer(`${storageUrl}/${name}`, token);
  }

  get target(): Target {
    const { hostname, port } = new URL(this.url);
    return { host: hostname, port: Number(port) };
  }

  async create(): Promise<void> {
    await this.must('PUT', this.url);
  }

  /** With everything in it; one that is not there is removed already. */
  async remove(): Promise<void> {
    const account = this.url.slice(0, this.url.lastIndexOf('/'));
    const name = this.url.slice(account.length + 1);
    for (;;) {
      const listing = await this.send('GET', `${this.url}?limit=${page}`);
      if (listing.status === 404) return;
      const names = listing.body.toString().split('\n').filter(Boolean);
      if (names.length === 0) break;
      const lines = names.map((object) => `/${name}/${encodeURIComponent(object)}\n`).join('');
      const type = { 'content-type': 'text/plain' };
      const answer = await this.send('POST', `${account}?bulk-delete`, type, Buffer.from(lines));
      const said = answer.body.toString(); // its status is 200 whatever came of it
      if (!said.includes('Response Status: 200'))
        throw new Error(`bulk-delete in ${name}: ${said.trim().replaceAll('\n', '; ')}`);
    }
    await this.must('DELETE', this.url);
  }

  private async must(...request: Parameters<SwiftContainer['send']>): Promise<void> {
    const { status } = await this.send(...request);
    if (status >= 300) throw new Error(`${request[0]} ${request[1]}: ${status}`);
  }

  private async send(
    method: string,
    url: string,
    headers: Readonly<Record<string, string>> = {},
    body?: Uint8Array,
  ): Promise<SwiftAnswer> {
    return swiftRequest(method, url, { 'x-auth-token': this.token, ...headers }, body);
  }
}

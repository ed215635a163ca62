import { request } from 'undici';
import type { SwiftClient } from './swift-client.js';
import { swiftFailure } from './swift-failure.js';
import type { TempUrlInfo, TempUrlStore } from './temp-urls.js';

/** The requests of TempURLs, over the client of the container. */
export class ClientTempUrlStore implements TempUrlStore {
  constructor(private readonly client: SwiftClient) {}

  containerHeaders(): Promise<Readonly<Record<string, string>>> {
    return this.headers({});
  }

  accountHeaders(): Promise<Readonly<Record<string, string>>> {
    return this.headers({ at: 'account' });
  }

  async info(): Promise<{ readonly tempurl?: TempUrlInfo }> {
    const { status, text } = await this.client.sendForText({ method: 'GET', at: 'info' });
    if (status !== 200) return {};
    return JSON.parse(text.toString()) as { tempurl?: TempUrlInfo };
  }

  async setContainerKey(key: string): Promise<void> {
    const headers = { 'X-Container-Meta-Temp-URL-Key': key };
    const { status } = await this.client.sendForHead({ method: 'POST', headers });
    if (status !== 204 && status !== 202) throw swiftFailure(this.client.nameOf({ method: 'POST' }), status);
  }

  async storageUrl(): Promise<URL> {
    return (await this.client.parts.tokens.access()).storageUrl;
  }

  async probe(url: URL): Promise<number> {
    const { statusCode, body } = await request(url, { dispatcher: this.client.agent });
    await body.dump();
    return statusCode;
  }

  /** Those of the account are the owner's alone to see. */
  private async headers(of: { at?: 'account' }): Promise<Readonly<Record<string, string>>> {
    const { status, headers } = await this.client.sendForHead({ method: 'HEAD', ...of });
    if (status === 403 && of.at === 'account') return {};
    if (status !== 204 && status !== 200)
      throw swiftFailure(this.client.nameOf({ method: 'HEAD', ...of }), status);
    return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  }
}

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { redactFields } from '../../src/composition/redact.js';
import { createTelemetry } from '../../src/composition/telemetry.js';
import { createApp } from '../../src/http/app.js';
import { Front } from '../../src/http/front.js';
import { createDispatcher } from '../../src/http/oci/dispatcher.js';
import { createRedirectPolicy } from '../../src/http/redirect-policy.js';
import type { RedirectRules } from '../../src/http/redirect-policy.js';
import { createHttpServer } from '../../src/http/server.js';
import { openAccess } from '../../src/auth/open-access.js';
import { noInvalidations } from '../../src/composition/worker-bus.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { createRegistry } from '../../src/registry/registry.js';
import { checked } from '../../src/storage/checked.js';
import { DAY, openStore } from '../support/in-process.js';
import type { TestStore } from '../support/in-process.js';
import { digestOf } from './client.js';
import { bytesOf, imageOf } from './content.js';

const BYTES = bytesOf(100_000);
const DIGEST = digestOf(BYTES);
const EMPTY = Buffer.from('{}');
const IMAGE = imageOf();
const SIGNATURE = 'f'.repeat(64);
const ALL: RedirectRules = { clients: [], repositories: [], maxAge: 60_000 };

describe('redirects of blobs', () => {
  let store: TestStore;
  let node: RedirectingNode;

  beforeEach(async () => {
    store = await openStore('memory');
  });

  afterEach(async () => {
    await node.close();
    await store.remove();
  });

  async function start(rules: RedirectRules | undefined): Promise<void> {
    node = await RedirectingNode.start(store, rules);
    for (const name of ['team/app', 'other']) {
      for (const bytes of [BYTES, EMPTY]) await node.pushBlob(name, bytes);
    }
    const headers = { 'Content-Type': IMAGE.mediaType };
    await node.call('PUT', '/v2/team/app/manifests/t', 201, { headers, body: IMAGE.bytes });
  }

  it('a GET is 307 to the URL that the store signed, with the digest, without a body, not to be kept', async () => {
    await start(ALL);
    const answer = await node.call('GET', `/v2/team/app/blobs/${DIGEST}`, 307);
    const location = answer.headers.get('location') ?? '';
    assert.match(location, new RegExp(`^http://127\\.0\\.0\\.1:\\d+/.+/data\\?temp_url_sig=${SIGNATURE}&`));
    assert.equal(answer.headers.get('docker-content-digest'), DIGEST);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    assert.equal(answer.headers.get('docker-distribution-api-version'), 'registry/2.0');
    assert.equal(answer.headers.get('content-length'), '0');
    assert.equal((await answer.arrayBuffer()).byteLength, 0);
    const expires = Number(new URL(location).searchParams.get('temp_url_expires'));
    assert.equal(expires, Math.floor((store.clock.now() + 60_000) / 1000));
  });

  it('a client that follows it gets the blob, whole and by Range', async () => {
    await start(ALL);
    const url = `${node.origin}/v2/team/app/blobs/${DIGEST}`;
    assert.ok(BYTES.equals(Buffer.from(await (await fetch(url)).arrayBuffer())));
    const part = await fetch(url, { headers: { Range: 'bytes=10-19' } });
    assert.equal(part.status, 206);
    assert.ok(BYTES.subarray(10, 20).equals(Buffer.from(await part.arrayBuffer())));
    assert.equal(node.signed, 2);
  });

  it('HEAD of a blob, and manifests, are never redirected', async () => {
    await start(ALL);
    const head = await node.call('HEAD', `/v2/team/app/blobs/${DIGEST}`, 200);
    assert.equal(head.headers.get('content-length'), String(BYTES.byteLength));
    for (const reference of ['t', IMAGE.digest]) {
      for (const method of ['GET', 'HEAD']) {
        await node.call(method, `/v2/team/app/manifests/${reference}`, 200);
      }
    }
    assert.equal(node.signed, 0);
  });

  it('conditions are answered here: the store knows other ETags', async () => {
    await start(ALL);
    const path = `/v2/team/app/blobs/${DIGEST}`;
    await node.call('GET', path, 304, { headers: { 'If-None-Match': `"${DIGEST}"` } });
    await node.call('GET', path, 200, { headers: { 'If-None-Match': '"other"' } });
    await node.call('GET', path, 206, { headers: { 'If-Range': `"${DIGEST}"`, Range: 'bytes=0-9' } });
    assert.equal(node.signed, 0);
  });

  it('membership is permission: no URL for what the repository does not hold', async () => {
    await start(ALL);
    const foreign = bytesOf(5, 5);
    await node.pushBlob('secret', foreign);
    for (const digest of [digestOf(foreign), digestOf(bytesOf(6, 6))]) {
      const answer = await node.call('GET', `/v2/team/app/blobs/${digest}`, 404);
      assert.match(await answer.text(), /BLOB_UNKNOWN/);
    }
    assert.equal(node.signed, 0);
  });

  it('other repositories and other clients are proxied', async () => {
    await start({ ...ALL, repositories: ['team/*'] });
    await node.call('GET', `/v2/team/app/blobs/${DIGEST}`, 307);
    await node.call('GET', `/v2/other/blobs/${DIGEST}`, 200);
    await node.close();
    await start({ ...ALL, clients: ['192.0.2.0/24'] });
    await node.call('GET', `/v2/team/app/blobs/${DIGEST}`, 200);
    assert.equal(node.signed, 0);
  });

  it('a store that signs nothing now is proxied, and without rules every store', async () => {
    await start(ALL);
    node.signs = false;
    const answer = await node.call('GET', `/v2/team/app/blobs/${DIGEST}`, 200);
    assert.ok(BYTES.equals(Buffer.from(await answer.arrayBuffer())));
    await node.call('GET', `/v2/team/app/blobs/${DIGEST}`, 206, { headers: { Range: 'bytes=0-9' } });
    await node.close();
    await start(undefined);
    await node.call('GET', `/v2/team/app/blobs/${DIGEST}`, 200);
    assert.equal(node.signed, 0);
  });

  it('the log never holds the signature', async () => {
    await start(ALL);
    const answer = await node.call('GET', `/v2/team/app/blobs/${DIGEST}`, 307);
    const location = answer.headers.get('location') ?? '';
    assert.ok(location.includes(SIGNATURE));
    const line = node.lines.at(-1);
    assert.equal(line?.['status'], 307);
    assert.ok(!JSON.stringify(node.lines).includes(SIGNATURE));
    const redacted = JSON.stringify(
      redactFields({ location, headers: { location }, url: new URL(location) }),
    );
    assert.ok(!redacted.includes(SIGNATURE), redacted);
  });
});

/** A server over a store that signs URLs, and the place to which those lead. */
class RedirectingNode {
  signs = true;
  /** URLs given. */
  signed = 0;
  readonly lines: Record<string, unknown>[] = [];
  private servers: Server[] = [];

  static async start(store: TestStore, rules: RedirectRules | undefined): Promise<RedirectingNode> {
    const node = new RedirectingNode();
    const storage = createServer(
      (req, res) =>
        void node.serveObject(store, req).then((body) => {
          const range = /^bytes=(\d+)-(\d+)$/.exec(req.headers.range ?? '');
          if (range === null) return res.end(body);
          res.writeHead(206).end(body.subarray(Number(range[1]), Number(range[2]) + 1));
        }),
    );
    await node.listen(storage);
    await node.listen(node.registryServer(store, originOf(storage), rules));
    return node;
  }

  get origin(): string {
    return originOf(this.servers[1]);
  }

  /** Follows no redirect; fails for another status. */
  async call(method: string, path: string, status: number, options: RequestInit = {}): Promise<Response> {
    const answer = await fetch(this.origin + path, { ...options, method, redirect: 'manual' });
    assert.equal(answer.status, status, `${method} ${path}`);
    return answer;
  }

  async pushBlob(name: string, bytes: Uint8Array): Promise<void> {
    await this.call('POST', `/v2/${name}/blobs/uploads/?digest=${digestOf(bytes)}`, 201, { body: bytes });
  }

  async close(): Promise<void> {
    for (const server of this.servers.splice(0)) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  }

  private registryServer(store: TestStore, origin: string, rules: RedirectRules | undefined): Server {
    const { clock, ids } = store;
    const registry = createRegistry(
      { driver: checked(this.signing(store.driver(), origin)), clock, ids, invalidations: noInvalidations },
      {
        shared: false,
        references: 'required',
        cacheMaxAge: 5000,
        manifestCacheBytes: 1_000_000,
        uploadMaxAge: 6 * DAY,
        uploadPurgeAfter: 8 * DAY,
      },
    );
    const options = { delete: true, maxManifestBytes: 1_000_000, maxTagsPerPut: 20, maxPageSize: 1000 };
    const policy = rules && createRedirectPolicy(rules, clock);
    const oci = createDispatcher({
      registry,
      access: openAccess,
      options: policy
        ? { ...options, redirect: (name, request) => policy(name, request.socket.remoteAddress) }
        : options,
    });
    const app = createApp({ oci, readiness: async () => ({ ready: true }) });
    const log = {
      debug: () => undefined,
      info: (fields: object) => void this.lines.push({ ...fields }),
      warn: () => undefined,
      error: (fields: object) => void this.lines.push({ ...fields }),
      flush: () => Promise.resolve(),
    };
    const front = new Front(
      { oci, app, log, clock, telemetry: createTelemetry(), maxInFlight: 100, patience: 1000 },
      'test',
    );
    return createHttpServer(front.handle, { headers: 60_000, keepAlive: 95_000, bodyIdle: 120_000 });
  }

  private signing(driver: StorageDriver, origin: string): StorageDriver {
    return Object.assign(Object.create(driver) as StorageDriver, {
      signedUrl: async (key: string, { expiresAt }: { expiresAt: Date }): Promise<URL | undefined> => {
        if (!this.signs) return undefined;
        this.signed += 1;
        const expires = Math.floor(expiresAt.getTime() / 1000);
        return new URL(`${origin}/${key}?temp_url_sig=${SIGNATURE}&temp_url_expires=${expires}`);
      },
    });
  }

  private async serveObject(store: TestStore, req: IncomingMessage): Promise<Buffer> {
    const { pathname } = new URL(req.url ?? '', 'http://storage');
    return store.driver().read(pathname.slice(1) as Parameters<StorageDriver['read']>[0]);
  }

  private async listen(server: Server): Promise<void> {
    this.servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
}

function originOf(server: Server | undefined): string {
  return `http://127.0.0.1:${(server?.address() as AddressInfo).port}`;
}

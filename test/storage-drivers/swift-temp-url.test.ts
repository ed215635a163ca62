import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../src/ports/clock.js';
import { encodePath } from '../../storage-drivers/swift/object-names.js';
import { signTempUrl } from '../../storage-drivers/swift/temp-url.js';
import type { TempUrlRequest } from '../../storage-drivers/swift/temp-url.js';
import { TempUrls } from '../../storage-drivers/swift/temp-urls.js';
import type { TempUrlStore } from '../../storage-drivers/swift/temp-urls.js';
import { fakeIds } from '../support/in-process.js';
import { swiftBed, type SwiftBed } from '../support/swift-bed.js';
import { swiftLogin, type SwiftAnswer } from '../support/swift-client.js';

const MINUTE = 60_000;
const ODD_NAMES = [
  'plain',
  'a//b',
  'q//files/docker/registry/v2/x',
  'trailing/',
  'with space % ? # & + = ;',
  'quotes \' " ` \\ | { } < > ^ ~ ! ( ) *',
  'é Ω 日本 \u{1F600}',
  '%2F%2e%2e',
  '...',
  'a:b@c',
];

describe('swift/temp-url', () => {
  const request: TempUrlRequest = {
    storageUrl: new URL('http://swift.example:8080/v1/AUTH_test'),
    container: 'c',
    object: 'a/b c?d',
    method: 'GET',
    expiresAt: new Date(1_700_000_000_999),
    key: 'k',
    digest: 'sha256',
  };

  it('signs method, expiry and the decoded path, and sends the path encoded', () => {
    // printf 'GET\n1700000000\n/v1/AUTH_test/c/a/b c?d' | openssl dgst -hmac k -<digest>
    const known = {
      sha256: '5db558842492fdcee77c0feea17558b2e71ee664d266fa8745c3fc0559393b67',
      sha512:
        '45bec1b29fb663fb4c8b2f35b4a05c227e7938f9b28abf9b39211497b09548fe05f1aaea0e7cba97ae929a5e6254fc1735d3f4d258715c8c65f7e358d69913e6',
      sha1: 'cca38bcbf6b1da4411d50efa9a4a4be853a30ca3',
    };
    for (const [digest, signature] of Object.entries(known)) {
      const url = signTempUrl({ ...request, digest: digest as TempUrlRequest['digest'] });
      assert.equal(
        url.href,
        `http://swift.example:8080/v1/AUTH_test/c/a/b%20c%3Fd?temp_url_sig=${signature}&temp_url_expires=1700000000`,
      );
    }
  });

  it('signs another URL for every other method, path, expiry and key', () => {
    const variants: readonly Partial<TempUrlRequest>[] = [
      {},
      { method: 'HEAD' },
      { object: 'a/b' },
      { container: 'd' },
      { expiresAt: new Date(1_700_000_001_000) },
      { key: 'l' },
      { storageUrl: new URL('http://swift.example:8080/v1/AUTH_other') },
    ];
    const signatures = variants.map((variant) =>
      signTempUrl({ ...request, ...variant }).searchParams.get('temp_url_sig'),
    );
    assert.equal(new Set(signatures).size, variants.length);
  });

  it('keeps every character of a name, and a slash at the end of the account away', () => {
    const storageUrl = new URL('https://swift.example/swift/v1/AUTH_%C3%A9/');
    for (const object of ODD_NAMES) {
      const { pathname } = signTempUrl({ ...request, storageUrl, object });
      assert.equal(decodeURIComponent(pathname), `/swift/v1/AUTH_é/c/${object}`);
    }
  });

  it('signs nothing for a name that a URL would change', () => {
    for (const object of ['a/../b', '..', 'a/./b']) {
      assert.throws(() => signTempUrl({ ...request, object }), /^TypeError: no URL can name/);
    }
  });
});

/** Time as the test says. */
class StillClock implements Clock {
  time = 1_700_000_000_000;

  now(): number {
    return this.time;
  }

  every(): () => void {
    return () => undefined;
  }
}

/** A cluster that takes URLs signed with its keys, and counts what it is asked. */
class FakeCluster implements TempUrlStore {
  container: Record<string, string> = {};
  account: Record<string, string> = {};
  tempurl: { methods?: string[]; allowed_digests?: string[] } | undefined = {
    methods: ['GET', 'HEAD'],
    allowed_digests: ['sha1', 'sha256', 'sha512'],
  };
  takes: readonly string[] = ['sha1', 'sha256', 'sha512'];
  accepts = true;
  down = false;
  /** Done to the keys just after one is set. */
  onKeySet: () => void = () => undefined;
  calls: string[] = [];

  async containerHeaders(): Promise<Record<string, string>> {
    this.called('container');
    return this.container;
  }

  async accountHeaders(): Promise<Record<string, string>> {
    this.called('account');
    return this.account;
  }

  async info(): Promise<{ tempurl?: { methods?: string[]; allowed_digests?: string[] } }> {
    this.called('info');
    return this.tempurl === undefined ? {} : { tempurl: this.tempurl };
  }

  async setContainerKey(key: string): Promise<void> {
    this.called('set');
    this.container = { 'x-container-meta-temp-url-key': key };
    this.onKeySet();
  }

  async storageUrl(): Promise<URL> {
    return new URL('http://swift.example/v1/AUTH_test');
  }

  async probe(url: URL): Promise<number> {
    this.called('probe');
    return this.accepts && this.takes.includes(digestOf(url) ?? '') ? 200 : 401;
  }

  countOf(call: string): number {
    return this.calls.filter((each) => each === call).length;
  }

  private called(what: string): void {
    this.calls.push(what);
    if (this.down) throw new Error('Swift is down');
  }
}

/** By the length of the signature. */
function digestOf(url: URL | undefined): string | undefined {
  const length = url?.searchParams.get('temp_url_sig')?.length ?? 0;
  return { 40: 'sha1', 64: 'sha256', 128: 'sha512' }[length];
}

describe('swift/temp-urls', () => {
  let clock: StillClock;
  let cluster: FakeCluster;
  let urls: TempUrls;

  const make = (createKey = false): TempUrls =>
    new TempUrls({ store: cluster, clock, ids: fakeIds() }, { container: 'c', known: 'known', createKey });
  const url = (): Promise<URL | undefined> => urls.url('o', 'GET', new Date(clock.now() + MINUTE));
  /** The URL that this key gives. */
  const signedBy = (key: string): string =>
    signTempUrl({
      storageUrl: new URL('http://swift.example/v1/AUTH_test'),
      container: 'c',
      object: 'o',
      method: 'GET',
      expiresAt: new Date(clock.now() + MINUTE),
      key,
      digest: 'sha256',
    }).href;

  beforeEach(() => {
    clock = new StillClock();
    cluster = new FakeCluster();
    cluster.container = { 'x-container-meta-temp-url-key': 'first' };
    urls = make();
  });

  it("takes the container's key, else its second, else the account's", async () => {
    cluster.container['x-container-meta-temp-url-key-2'] = 'second';
    cluster.account = { 'x-account-meta-temp-url-key': 'third', 'x-account-meta-temp-url-key-2': 'fourth' };
    assert.equal((await url())?.href, signedBy('first'));
    delete cluster.container['x-container-meta-temp-url-key'];
    assert.equal((await make().url('o', 'GET', new Date(clock.now() + MINUTE)))?.href, signedBy('second'));
    cluster.container = {};
    assert.equal((await make().url('o', 'GET', new Date(clock.now() + MINUTE)))?.href, signedBy('third'));
    cluster.account = { 'x-account-meta-temp-url-key': '', 'x-account-meta-temp-url-key-2': 'fourth' };
    assert.equal((await make().url('o', 'GET', new Date(clock.now() + MINUTE)))?.href, signedBy('fourth'));
    assert.equal(cluster.countOf('set'), 0);
  });

  it('without any key answers none and tells why, and sets none unasked', async () => {
    cluster.container = {};
    assert.equal(await url(), undefined);
    assert.match(urls.reason ?? '', /Temp-URL-Key/);
    assert.equal(cluster.countOf('set'), 0);
  });

  it('sets a key where there is none and that is permitted, once', async () => {
    cluster.container = {};
    urls = make(true);
    const set = await url();
    const key = cluster.container['x-container-meta-temp-url-key'] ?? '';
    assert.match(key, /^[0-9a-f]{64}$/);
    assert.equal(set?.href, signedBy(key));
    clock.time += 60 * MINUTE;
    assert.equal((await url())?.href, signedBy(key));
    assert.equal(cluster.countOf('set'), 1);
  });

  it('uses the key that another node set at the same moment, also if it came a little later', async () => {
    cluster.container = {};
    urls = make(true);
    cluster.onKeySet = () => (cluster.container = { 'x-container-meta-temp-url-key': 'theirs' });
    assert.equal((await url())?.href, signedBy('theirs'));
    cluster.container = { 'x-container-meta-temp-url-key': 'later' };
    clock.time += 6_000;
    assert.equal((await url())?.href, signedBy('later'));
  });

  it('is not long without URLs where another key came between its own and the test of it', async () => {
    cluster.container = {};
    cluster.accepts = false;
    urls = make(true);
    assert.equal(await url(), undefined);
    cluster.accepts = true;
    cluster.container = { 'x-container-meta-temp-url-key': 'theirs' };
    clock.time += 6_000;
    assert.equal((await url())?.href, signedBy('theirs'));
  });

  it('takes sha256 where it is offered, else sha512, else sha1', async () => {
    for (const [allowed, expected] of [
      [['sha1', 'sha512', 'sha256'], 'sha256'],
      [['sha1', 'sha512'], 'sha512'],
      [['sha1'], 'sha1'],
      [['md5'], undefined],
    ] as const) {
      cluster.tempurl = { allowed_digests: [...allowed] };
      urls = make();
      assert.equal(digestOf(await url()), expected, String(allowed));
    }
    assert.match(urls.reason ?? '', /none of sha256, sha512, sha1/);
  });

  it('finds out by trying where the cluster does not tell', async () => {
    cluster.tempurl = { methods: ['GET'] };
    assert.equal(digestOf(await url()), 'sha256');
    cluster.tempurl = undefined;
    cluster.takes = ['sha1'];
    urls = make();
    assert.equal(digestOf(await url()), 'sha1');
  });

  it('answers none where GET is not allowed', async () => {
    cluster.tempurl = { methods: ['PUT'], allowed_digests: ['sha256'] };
    assert.equal(await url(), undefined);
    assert.match(urls.reason ?? '', /does not allow GET/);
    assert.equal(cluster.countOf('probe'), 0);
  });

  it('tests once for many, and again after ten minutes with the key of then', async () => {
    const many = await Promise.all(Array.from({ length: 20 }, url));
    assert.deepEqual(new Set(many.map((each) => each?.href)), new Set([signedBy('first')]));
    cluster.container = { 'x-container-meta-temp-url-key': 'rotated' };
    clock.time += 10 * MINUTE - 1;
    assert.equal((await url())?.href, signedBy('first'));
    assert.equal(cluster.countOf('probe'), 1);
    clock.time += 1;
    assert.equal((await url())?.href, signedBy('rotated'));
    assert.equal(cluster.countOf('probe'), 2);
  });

  it('answers none while the self-test fails, and tries again after 1, 2, 4, 8, 10, 10 minutes', async () => {
    cluster.accepts = false;
    assert.equal(await url(), undefined);
    assert.match(urls.reason ?? '', /c\/known was answered 401: check the Temp-URL-Key/);
    let probes = 1;
    for (const minutes of [1, 2, 4, 8, 10, 10]) {
      clock.time += minutes * MINUTE - 1;
      assert.equal(await url(), undefined);
      assert.equal(cluster.countOf('probe'), probes, `${minutes} minutes`);
      clock.time += 1;
      assert.equal(await url(), undefined);
      assert.equal(cluster.countOf('probe'), (probes += 1));
    }
    cluster.accepts = true;
    clock.time += 10 * MINUTE;
    assert.equal((await url())?.href, signedBy('first'));
    assert.equal(urls.reason, undefined);
    cluster.accepts = false;
    clock.time += 10 * MINUTE;
    assert.equal(await url(), undefined);
    cluster.accepts = true;
    clock.time += MINUTE;
    assert.ok(await url(), 'the waits begin anew');
  });

  it('takes an outage for no answer, and keeps secrets out of the reason', async () => {
    cluster.down = true;
    assert.equal(await url(), undefined);
    assert.equal(urls.reason, 'Swift is down');
    cluster.down = false;
    cluster.accepts = false;
    clock.time += MINUTE;
    await url();
    assert.doesNotMatch(urls.reason ?? '', /first|temp_url_sig|[0-9a-f]{40}/);
  });
});

/** What `TempUrls` asks, of a container in the test bed. */
class RealSwift implements TempUrlStore {
  private constructor(
    private readonly bed: SwiftBed,
    private readonly account: URL,
    readonly container: string,
  ) {}

  static async open(bed: SwiftBed, container: string): Promise<RealSwift> {
    const { storageUrl } = await swiftLogin(bed.v1);
    return new RealSwift(bed, new URL(storageUrl), container);
  }

  /** Fails for any status that is not a success. */
  async send(method: string, path: string, headers = {}, body?: Uint8Array): Promise<SwiftAnswer> {
    const answer = await this.bed.request(method, path, headers, body);
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.body.toString()}`);
    return answer;
  }

  put(object: string, body: Uint8Array | string, query = ''): Promise<SwiftAnswer> {
    return this.send('PUT', `/${this.container}/${encodePath(object)}${query}`, {}, Buffer.from(body));
  }

  async containerHeaders(): Promise<Record<string, string>> {
    return (await this.send('HEAD', `/${this.container}`)).headers as Record<string, string>;
  }

  async accountHeaders(): Promise<Record<string, string>> {
    return (await this.send('HEAD', '')).headers as Record<string, string>;
  }

  async info(): Promise<{ tempurl?: { allowed_digests?: string[] } }> {
    return (await fetch(new URL('/info', this.account))).json() as Promise<object>;
  }

  async setContainerKey(key: string): Promise<void> {
    await this.send('POST', `/${this.container}`, { 'X-Container-Meta-Temp-URL-Key': key });
  }

  async storageUrl(): Promise<URL> {
    return this.account;
  }

  async probe(url: URL): Promise<number> {
    const answer = await fetch(url);
    await answer.arrayBuffer();
    return answer.status;
  }
}

describe('swift/temp-urls on a real Swift', function () {
  this.timeout(60_000);
  const container = `temp-url-${randomBytes(6).toString('hex')}`;
  const objects: string[] = [];
  let swift: RealSwift;
  let clock: StillClock;

  const urlsOf = (createKey = true): TempUrls =>
    new TempUrls({ store: swift, clock, ids: realIds }, { container, known: 'known', createKey });
  const realIds = { unique: () => '', secret: (bytes: number) => randomBytes(bytes) };
  const soon = (): Date => new Date(Date.now() + MINUTE);

  async function store(object: string, body: Uint8Array | string, query = ''): Promise<void> {
    await swift.put(object, body, query);
    objects.push(object);
  }

  before(async function () {
    swift = await RealSwift.open(await swiftBed(this), container);
    await swift.send('PUT', `/${container}`);
    await store('known', 'known');
  });

  beforeEach(() => {
    clock = new StillClock();
    clock.time = Date.now();
  });

  after(async () => {
    for (const object of objects) await swift.send('DELETE', `/${container}/${encodePath(object)}`);
    if (objects.length > 0) await swift.send('DELETE', `/${container}`);
  });

  it('gives the container a key of its own, which the next one finds', async () => {
    const first = await urlsOf().url('known', 'GET', soon());
    const { 'x-container-meta-temp-url-key': key } = await swift.containerHeaders();
    const next = await urlsOf(false).url('known', 'GET', soon());
    assert.ok(first && next);
    assert.match(key ?? '', /^[0-9a-f]{64}$/);
    for (const url of [first, next]) assert.equal(await (await fetch(url)).text(), 'known');
    assert.equal((await swift.containerHeaders())['x-container-meta-temp-url-key'], key);
  });

  it('reads objects of every name', async () => {
    const urls = urlsOf();
    for (const object of ODD_NAMES) {
      await store(object, object);
      const url = await urls.url(object, 'GET', soon());
      assert.ok(url, urls.reason);
      const answer = await fetch(url);
      assert.equal(answer.status, 200, object);
      assert.equal(await answer.text(), object);
      assert.equal((await fetch(url, { method: 'HEAD' })).status, 200);
    }
  });

  it('reads large objects whole and by Range', async () => {
    const parts = [randomBytes(1_100_000), randomBytes(700_000)];
    const manifest = [];
    for (const [index, part] of parts.entries()) {
      await store(`seg/${index}`, part);
      const etag = createHash('md5').update(part).digest('hex');
      manifest.push({ path: `/${container}/seg/${index}`, etag, size_bytes: part.byteLength });
    }
    await store('large', JSON.stringify(manifest), '?multipart-manifest=put');
    const url = await urlsOf().url('large', 'GET', soon());
    assert.ok(url);
    const whole = Buffer.concat(parts);
    assert.ok(whole.equals(Buffer.from(await (await fetch(url)).arrayBuffer())));
    const ranged = await fetch(url, { headers: { Range: 'bytes=1099990-1100009' } });
    assert.equal(ranged.status, 206);
    assert.ok(whole.subarray(1_099_990, 1_100_010).equals(Buffer.from(await ranged.arrayBuffer())));
  });

  it('admits no other object, no other method and nothing after its time', async () => {
    const urls = urlsOf();
    const url = await urls.url('known', 'GET', soon());
    assert.ok(url);
    assert.equal((await fetch(url.href.replace('/known?', '/plain?'))).status, 401);
    assert.equal((await fetch(url, { method: 'PUT', body: 'x' })).status, 401);
    assert.equal((await fetch(url, { method: 'DELETE' })).status, 401);
    const past = await urls.url('known', 'GET', new Date(Date.now() - 1000));
    assert.ok(past);
    assert.equal((await fetch(past)).status, 401);
  });

  it('answers none with a key that Swift does not know, and for an object that is not there', async () => {
    const wrong = Object.assign(Object.create(swift) as RealSwift, {
      containerHeaders: async () => ({ 'x-container-meta-temp-url-key': 'not this one' }),
    });
    const parts = { store: wrong, clock, ids: realIds };
    const urls = new TempUrls(parts, { container, known: 'known', createKey: true });
    assert.equal(await urls.url('known', 'GET', soon()), undefined);
    assert.match(urls.reason ?? '', /answered 401/);
    const missing = new TempUrls({ ...parts, store: swift }, { container, known: 'none', createKey: true });
    assert.equal(await missing.url('known', 'GET', soon()), undefined);
    assert.match(missing.reason ?? '', /none was answered 404: it is not there/);
  });
});

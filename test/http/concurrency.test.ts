import assert from 'node:assert/strict';
import { onEveryStore } from '../support/in-process.js';
import { Client, digestOf } from './client.js';
import { EMPTY_JSON, bytesOf, imageOf, indexOf } from './content.js';

const WRITERS = 16;
const writers = Array.from({ length: WRITERS }, (_, i) => i);

onEveryStore('sixteen at once', (bench) => {
  let clients: readonly Client[];
  beforeEach(async () => {
    const other = await bench().another({ cacheMaxAge: 0 });
    clients = [new Client(bench().node), new Client(other)];
  });

  const clientOf = (writer: number): Client => clients[writer % clients.length] as Client;

  /** Each reads the same from every server, as a new one would. */
  const everywhere = async (read: (client: Client) => Promise<unknown>): Promise<void> => {
    for (const client of [...clients, new Client(await bench().another())]) await read(client);
  };

  it('push one blob, each in its own way: every 201 is true', async () => {
    const bytes = bytesOf(200_000, 8);
    const digest = digestOf(bytes);
    const ways: ((client: Client) => Promise<unknown>)[] = [
      (client) => client.pushBlob('a', bytes),
      async (client) =>
        (await client.call('POST', `/v2/a/blobs/uploads/?digest=${digest}`, { body: bytes })).expect(201),
      async (client) =>
        (await client.call('POST', `/v2/a/blobs/uploads/?digest=${digest}`, { body: [bytes] })).expect(201),
      async (client) => {
        const location = await client.patch(await client.openUpload('a'), bytes.subarray(0, 1000));
        (await client.close(location, digest, { body: bytes.subarray(1000) })).expect(201);
      },
    ];
    await Promise.all(
      writers.map(async (writer) => {
        await ways[writer % ways.length]?.(clientOf(writer));
        assert.ok((await clientOf(writer).get(`/v2/a/blobs/${digest}`)).expect(200).body.equals(bytes));
      }),
    );
    await everywhere(async (client) =>
      assert.ok((await client.get(`/v2/a/blobs/${digest}`)).body.equals(bytes)),
    );
  });

  it('push one blob rightly and wrongly: only the right bytes are ever readable', async () => {
    const bytes = bytesOf(100_000, 9);
    const digest = digestOf(bytes);
    const wrong = Buffer.alloc(bytes.byteLength, 'w');
    const statuses = await Promise.all(
      writers.map(async (writer) => {
        const client = clientOf(writer);
        const right = writer % 4 === 0;
        const body = right ? bytes : wrong;
        const put = client.openUpload('a').then((location) => client.close(location, digest, { body }));
        const read = await client.get(`/v2/a/blobs/${digest}`);
        if (read.status === 200) assert.ok(read.body.equals(bytes));
        return [right, (await put).status];
      }),
    );
    for (const [right, status] of statuses) assert.equal(status, right ? 201 : 400);
    await everywhere(async (client) =>
      assert.ok((await client.get(`/v2/a/blobs/${digest}`)).body.equals(bytes)),
    );
  });

  it('move one tag: afterwards everybody sees one of what was acknowledged, and the list has it once', async () => {
    const manifests = writers.map((writer) => indexOf([], { annotations: { writer: `${writer}` } }));
    await Promise.all(manifests.map((manifest, writer) => clientOf(writer).pushManifest('a', 't', manifest)));
    const seen = new Set<string>();
    await everywhere(async (client) => {
      const answer = (await client.get('/v2/a/manifests/t')).expect(200);
      assert.equal(digestOf(answer.body), answer.header('docker-content-digest'));
      seen.add(answer.header('docker-content-digest'));
      assert.deepEqual(await client.tags('a'), ['t']);
      for (const { digest } of manifests) (await client.head(`/v2/a/manifests/${digest}`)).expect(200);
    });
    assert.equal(seen.size, 1);
    assert.ok(manifests.some(({ digest }) => seen.has(digest)));
  });

  it('push sixteen tags of one manifest: all are listed', async () => {
    const index = indexOf([]);
    await Promise.all(writers.map((writer) => clientOf(writer).pushManifest('a', `t${writer}`, index)));
    await everywhere(async (client) =>
      assert.deepEqual(await client.tags('a'), writers.map((i) => `t${i}`).sort()),
    );
  });

  it('push referrers of one subject: all are listed', async () => {
    await clientOf(0).pushBlob('a', EMPTY_JSON);
    const subject = { mediaType: 'x/y', digest: digestOf(bytesOf(3)), size: 3 };
    const manifests = writers.map((writer) => imageOf([], { subject, annotations: { writer: `${writer}` } }));
    await Promise.all(
      manifests.map((manifest, i) => clientOf(i).pushManifest('a', manifest.digest, manifest)),
    );
    await everywhere(async (client) => {
      const listed = (await client.referrers('a', subject.digest)).map(({ digest }) => digest);
      assert.deepEqual(listed, manifests.map(({ digest }) => digest).sort());
    });
  });

  it('PATCH one session at one offset: one is taken, 15 are told where it is, and it ends as it says', async () => {
    const [client] = clients;
    assert.ok(client);
    let location = await client.openUpload('a');
    const taken: Buffer[] = [];
    for (let round = 0; round < 3; round++) {
      const bodies = writers.map((writer) => bytesOf(20_000 + writer, 100 * round + writer));
      const start = taken.reduce((sum, { byteLength }) => sum + byteLength, 0);
      const answers = await Promise.all(
        bodies.map((body, writer) =>
          writer % 2 === 0
            ? clientOf(writer).call('PATCH', location, { body })
            : clientOf(writer).patchChunk(location, start, body),
        ),
      );
      const statuses = answers.map(({ status }) => status);
      assert.deepEqual(
        statuses.filter((status) => status !== 416),
        [202],
      );
      const winner = statuses.indexOf(202);
      taken.push(bodies[winner] as Buffer);
      const end = start + (bodies[winner]?.byteLength ?? 0);
      for (const answer of answers) assert.equal(answer.header('range'), `0-${end - 1}`);
      location = answers[winner]?.header('location') ?? '';
    }
    const whole = Buffer.concat(taken);
    const closed = await Promise.all(
      writers.map((writer) => clientOf(writer).close(location, digestOf(whole))),
    );
    for (const answer of closed) answer.expect(201);
    await everywhere(async (each) => {
      assert.ok((await each.get(`/v2/a/blobs/${digestOf(whole)}`)).expect(200).body.equals(whole));
    });
  });

  it('close one session with the last chunk: every 201 is true', async () => {
    const [first, last] = [bytesOf(50_000, 1), bytesOf(30_000, 2)];
    const whole = Buffer.concat([first, last]);
    const location = await clientOf(0).patch(await clientOf(0).openUpload('a'), first);
    const answers = await Promise.all(
      writers.map((writer) =>
        clientOf(writer).close(location, digestOf(whole), { body: writer % 2 === 0 ? last : [last] }),
      ),
    );
    for (const answer of answers) answer.expect(201);
    await everywhere(async (client) => {
      assert.ok((await client.get(`/v2/a/blobs/${digestOf(whole)}`)).expect(200).body.equals(whole));
    });
  });

  it('delete and push one tag: it is there whole or not at all', async () => {
    const index = indexOf([]);
    await clientOf(0).pushManifest('a', 'keep', index);
    await Promise.all(
      writers.map(async (writer) => {
        const client = clientOf(writer);
        if (writer % 2 === 0) await client.pushManifest('a', 't', index);
        else assert.ok([202, 404].includes((await client.call('DELETE', '/v2/a/manifests/t')).status));
        const answer = await client.get('/v2/a/manifests/t');
        if (answer.status === 200) assert.ok(answer.body.equals(index.bytes));
        else answer.expectError(404, 'MANIFEST_UNKNOWN');
      }),
    );
    await clientOf(0).pushManifest('a', 't', index);
    await everywhere(async (client) => {
      (await client.get('/v2/a/manifests/t')).expect(200);
      assert.deepEqual(await client.tags('a'), ['keep', 't']);
    });
  });
});

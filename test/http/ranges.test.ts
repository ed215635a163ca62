import assert from 'node:assert/strict';
import { onEveryStore } from '../support/in-process.js';
import { Client, digestOf } from './client.js';
import { bytesOf } from './content.js';

const SIZE = 1_500_000;
const BYTES = bytesOf(SIZE, 6);
const DIGEST = digestOf(BYTES);
const PATH = `/v2/a/blobs/${DIGEST}`;

onEveryStore('ranges of blobs', (bench) => {
  let client: Client;
  beforeEach(async () => {
    client = new Client(bench().node);
    const location = await client.patch(await client.openUpload('a'), BYTES.subarray(0, 700_000));
    (await client.close(location, DIGEST, { body: BYTES.subarray(700_000) })).expect(201);
  });

  it('a single range is 206, its end clipped', async () => {
    const ranges: [string, number, number][] = [
      ['bytes=0-0', 0, 0],
      ['bytes=0-99', 0, 99],
      ['bytes=699990-700010', 699_990, 700_010],
      [`bytes=${SIZE - 1}-`, SIZE - 1, SIZE - 1],
      ['bytes=0-', 0, SIZE - 1],
      [`bytes=100-${SIZE * 10}`, 100, SIZE - 1],
      ['bytes=5-99999999999999999999', 5, SIZE - 1],
      ['bytes=-1', SIZE - 1, SIZE - 1],
      ['bytes=-500', SIZE - 500, SIZE - 1],
      [`bytes=-${SIZE * 2}`, 0, SIZE - 1],
      ['BYTES=1-2', 1, 2],
      ['bytes= 3-4 ', 3, 4],
    ];
    for (const [range, start, end] of ranges) {
      const answer = (await client.get(PATH, { range })).expect(206);
      assert.equal(answer.header('content-range'), `bytes ${start}-${end}/${SIZE}`, range);
      assert.equal(answer.header('content-length'), String(end - start + 1));
      assert.equal(answer.header('docker-content-digest'), DIGEST);
      assert.equal(answer.header('accept-ranges'), 'bytes');
      assert.ok(answer.body.equals(BYTES.subarray(start, end + 1)), range);
    }
  });

  it('what cannot be satisfied or is malformed is 416 with the size', async () => {
    const bad = [
      `bytes=${SIZE}-`,
      `bytes=${SIZE}-${SIZE + 1}`,
      'bytes=500-0',
      'bytes=-0',
      'bytes=-',
      'bytes=a-b',
      'bytes=1',
      'bytes=',
    ];
    for (const range of bad) {
      const answer = (await client.get(PATH, { range })).expectError(416, 'RANGE_INVALID');
      assert.equal(answer.header('content-range'), `bytes */${SIZE}`, range);
    }
  });

  it('several ranges, other units and HEAD get the whole', async () => {
    for (const range of ['bytes=0-1,5-9', 'bytes=0-0,-1', 'items=0-5', 'none', '']) {
      const answer = (await client.get(PATH, { range })).expect(200);
      assert.ok(answer.body.equals(BYTES), range);
      assert.equal(answer.headers['content-range'], undefined);
    }
    const head = (await client.head(PATH, { range: 'bytes=0-9' })).expect(200);
    assert.equal(head.header('content-length'), String(SIZE));
  });

  it('If-Range: the same ETag gives the range, anything else the whole', async () => {
    const range = 'bytes=0-9';
    (await client.get(PATH, { range, 'if-range': `"${DIGEST}"` })).expect(206);
    for (const condition of [`W/"${DIGEST}"`, '"other"', DIGEST, 'Wed, 21 Oct 2015 07:28:00 GMT']) {
      (await client.get(PATH, { range, 'if-range': condition })).expect(200);
    }
    (await client.get(PATH, { range: 'bytes=500-0', 'if-range': '"other"' })).expect(200);
  });

  it('If-None-Match goes before Range', async () => {
    (await client.get(PATH, { range: 'bytes=0-9', 'if-none-match': `"${DIGEST}"` })).expect(304);
    (await client.get(PATH, { range: 'bytes=500-0', 'if-none-match': `"${DIGEST}"` })).expect(304);
  });

  it('many ranges at once put together give the blob', async () => {
    const step = 100_003;
    const starts = Array.from({ length: Math.ceil(SIZE / step) }, (_, i) => i * step);
    const parts = await Promise.all(
      starts.map(async (start) => {
        const answer = await client.get(PATH, { range: `bytes=${start}-${start + step - 1}` });
        return answer.expect(206).body;
      }),
    );
    assert.equal(digestOf(Buffer.concat(parts)), DIGEST);
  });

  it('a reader that leaves in the middle harms nobody', async () => {
    const wire = await client.connect();
    wire.head(`GET ${PATH} HTTP/1.1`);
    await wire.until(/HTTP\/1\.1 200 /);
    wire.destroy();
    assert.ok((await client.get(PATH)).expect(200).body.equals(BYTES));
  });
});

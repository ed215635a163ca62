import assert from 'node:assert/strict';
import { digestOf } from '../../http/client.js';
import { bytesOf, descriptorOf, indexOf } from '../../http/content.js';
import { fresh, type Lane } from '../lane.js';
import { NotNow } from '../patient-client.js';
import { assertBlob, assertManifest, type Operation } from './operation.js';

const KIB = 1024;
const MIB = 1024 * KIB;

interface Image {
  readonly repository: string;
  readonly bytes: Buffer;
  readonly digest: string;
}

export const PULLS: readonly Operation[] = [
  pull('pull 300 KiB', 300 * KIB),
  pull('pull 3 MiB', 3 * MIB, { known: true }),
  pull('pull 12 MiB of 3 segments', 12 * MIB),
  pull('pull a range over 2 segments', 12 * MIB, { range: [4 * MIB, 6 * MIB] }),
  headBlob(),
  manifest('pull a manifest by tag', ({ repository }) => `/v2/${repository}/manifests/t`),
  manifest('pull a manifest by digest', ({ repository, digest }) => `/v2/${repository}/manifests/${digest}`),
  listed('list tags', ({ repository }) => `/v2/${repository}/tags/list`, ['t']),
  catalog(),
  referrers(),
];

/** By a server that never heard of the blob. */
function pull(name: string, size: number, { known = false, range }: PullOptions = {}): Operation {
  return {
    name,
    async prepare(lane) {
      const repository = lane.repository();
      const bytes = fresh(size);
      const digest = digestOf(bytes);
      if (known)
        (
          await lane.witness.call('POST', `/v2/${repository}/blobs/uploads/?digest=${digest}`, {
            body: bytes,
          })
        ).expect(201);
      else {
        const location = await lane.witness.patch(await lane.witness.openUpload(repository), bytes);
        (await lane.witness.close(location, digest)).expect(201);
      }
      const [start, end] = range ?? [0, size - 1];
      const expected = bytes.subarray(start, end + 1);
      const headers = range === undefined ? {} : { range: `bytes=${start}-${end}` };
      return {
        async perform() {
          const path = `/v2/${repository}/blobs/${digest}`;
          const { body } = await lane.large.ask('GET', path, range === undefined ? 200 : 206, { headers });
          // What a client does with a body of another digest: it asks again.
          if (!body.equals(expected)) throw new NotNow(`${body.length} bytes that differ`);
        },
        check: () => assertBlob(lane, repository, bytes),
      };
    },
  };
}

interface PullOptions {
  readonly known?: boolean;
  readonly range?: readonly [number, number];
}

function headBlob(): Operation {
  return {
    name: 'HEAD of a blob',
    async prepare(lane) {
      const repository = lane.repository();
      const bytes = fresh(10 * KIB);
      const digest = await lane.witness.pushBlob(repository, bytes);
      return {
        async perform() {
          const answer = await lane.small.ask('HEAD', `/v2/${repository}/blobs/${digest}`, 200);
          assert.equal(answer.headers['content-length'], String(bytes.length));
        },
        check: () => assertBlob(lane, repository, bytes),
      };
    },
  };
}

/** An index tagged `t`, pushed past the faults. */
async function pushed(lane: Lane): Promise<Image> {
  const repository = lane.repository();
  const { bytes, digest } = await index(lane, repository, 't');
  return { repository, bytes, digest };
}

async function index(lane: Lane, repository: string, tag: string): Promise<ReturnType<typeof indexOf>> {
  const content = indexOf([], { annotations: { salt: fresh(8).toString('hex') } });
  await lane.witness.pushManifest(repository, tag, content);
  return content;
}

function manifest(name: string, pathOf: (image: Image) => string): Operation {
  return {
    name,
    async prepare(lane) {
      const image = await pushed(lane);
      return {
        async perform() {
          for (let time = 0; time < 2; time++) {
            const { body } = await lane.small.ask('GET', pathOf(image), 200);
            assert.ok(body.equals(image.bytes), `${body.length} bytes that differ`);
          }
        },
        check: () => assertManifest(lane, image.repository, image.bytes, 't'),
      };
    },
  };
}

function listed(name: string, pathOf: (image: Image) => string, tags: readonly string[]): Operation {
  return {
    name,
    async prepare(lane) {
      const image = await pushed(lane);
      return {
        async perform() {
          const answer = await lane.small.ask('GET', pathOf(image), 200);
          assert.deepEqual((answer.json() as { tags: string[] }).tags, tags);
        },
        check: () => assertManifest(lane, image.repository, image.bytes, 't'),
      };
    },
  };
}

function catalog(): Operation {
  return {
    name: 'list the catalog',
    async prepare(lane) {
      const image = await pushed(lane);
      return {
        async perform() {
          const answer = await lane.small.ask('GET', '/v2/_catalog?n=1000', 200);
          const { repositories } = answer.json() as { repositories: string[] };
          assert.ok(repositories.includes(image.repository), `${image.repository} is not in the catalog`);
        },
        check: () => assertManifest(lane, image.repository, image.bytes, 't'),
      };
    },
  };
}

function referrers(): Operation {
  return {
    name: 'list referrers',
    async prepare(lane) {
      const image = await pushed(lane);
      const subject = descriptorOf({ mediaType: '', ...image });
      const referrer = indexOf([], { subject, annotations: { salt: bytesOf(4).toString('hex') } });
      await lane.witness.pushManifest(image.repository, referrer.digest, referrer);
      return {
        async perform() {
          const path = `/v2/${image.repository}/referrers/${image.digest}`;
          const { manifests } = (await lane.small.ask('GET', path, 200)).json() as {
            manifests: { digest: string }[];
          };
          assert.deepEqual(
            manifests.map(({ digest }) => digest),
            [referrer.digest],
          );
        },
        check: () => assertManifest(lane, image.repository, referrer.bytes),
      };
    },
  };
}

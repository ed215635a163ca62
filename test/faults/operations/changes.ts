import assert from 'node:assert/strict';
import { digestOf } from '../../http/client.js';
import { EMPTY_JSON, descriptorOf, imageOf, indexOf, type Content } from '../../http/content.js';
import { fresh, type Lane } from '../lane.js';
import { assertBlob, assertManifest, type Operation } from './operation.js';

const KIB = 1024;

export const CHANGES: readonly Operation[] = [
  putManifest(),
  moveTag(),
  deleteManifest(),
  deleteTag(),
  deleteBlob(),
  cancelUpload(),
];

function salted(extra: Readonly<Record<string, unknown>> = {}): Content {
  return indexOf([], { ...extra, annotations: { salt: fresh(8).toString('hex') } });
}

async function put(
  lane: Lane,
  name: string,
  reference: string,
  { mediaType, bytes }: Content,
): Promise<void> {
  const path = `/v2/${name}/manifests/${reference}`;
  await lane.small.ask('PUT', path, 201, { headers: { 'content-type': mediaType }, body: bytes });
}

function putManifest(): Operation {
  return {
    name: 'push a manifest with tag and subject',
    async prepare(lane) {
      const repository = lane.repository();
      const layer = fresh(10 * KIB);
      for (const blob of [EMPTY_JSON, layer]) await lane.witness.pushBlob(repository, blob);
      const subject = salted();
      await lane.witness.pushManifest(repository, 'subject', subject);
      const image = imageOf([layer], { subject: descriptorOf(subject) });
      return {
        perform: () => put(lane, repository, 't', image),
        async check() {
          await assertManifest(lane, repository, image.bytes, 't');
          await assertBlob(lane, repository, layer);
          const listed = await lane.witness.referrers(repository, subject.digest);
          assert.deepEqual(
            listed.map(({ digest }) => digest),
            [image.digest],
          );
          assert.deepEqual(await lane.witness.tags(repository), ['subject', 't']);
        },
      };
    },
  };
}

function moveTag(): Operation {
  return {
    name: 'move a tag',
    async prepare(lane) {
      const repository = lane.repository();
      const before = salted();
      const after = salted();
      await lane.witness.pushManifest(repository, 't', before);
      return {
        perform: () => put(lane, repository, 't', after),
        async check() {
          await assertManifest(lane, repository, after.bytes, 't');
          await assertManifest(lane, repository, before.bytes);
        },
      };
    },
  };
}

function deleteManifest(): Operation {
  return {
    name: 'delete a manifest with tag and subject',
    async prepare(lane) {
      const repository = lane.repository();
      const subject = salted();
      const content = salted({ subject: descriptorOf(subject) });
      await lane.witness.pushManifest(repository, 'kept', subject);
      await lane.witness.pushManifest(repository, 't', content);
      return {
        perform: () => remove(lane, `/v2/${repository}/manifests/${content.digest}`),
        async check() {
          for (const reference of [content.digest, 't'])
            (await lane.witness.get(`/v2/${repository}/manifests/${reference}`)).expect(404);
          assert.deepEqual(await lane.witness.tags(repository), ['kept']);
          assert.deepEqual(await lane.witness.referrers(repository, subject.digest), []);
          await assertManifest(lane, repository, subject.bytes, 'kept');
        },
      };
    },
  };
}

function deleteTag(): Operation {
  return {
    name: 'delete a tag',
    async prepare(lane) {
      const repository = lane.repository();
      const content = salted();
      for (const tag of ['t', 'kept']) await lane.witness.pushManifest(repository, tag, content);
      return {
        perform: () => remove(lane, `/v2/${repository}/manifests/t`),
        async check() {
          (await lane.witness.get(`/v2/${repository}/manifests/t`)).expect(404);
          assert.deepEqual(await lane.witness.tags(repository), ['kept']);
          await assertManifest(lane, repository, content.bytes, 'kept');
        },
      };
    },
  };
}

function deleteBlob(): Operation {
  return {
    name: 'delete a blob',
    async prepare(lane) {
      const [repository, other] = [lane.repository(), lane.repository()];
      const bytes = fresh(10 * KIB);
      for (const name of [repository, other]) await lane.witness.pushBlob(name, bytes);
      const path = `/v2/${repository}/blobs/${digestOf(bytes)}`;
      return {
        perform: () => remove(lane, path),
        async check() {
          (await lane.witness.get(path)).expect(404);
          await assertBlob(lane, other, bytes);
        },
      };
    },
  };
}

function cancelUpload(): Operation {
  return {
    name: 'cancel an upload',
    async prepare(lane) {
      const repository = lane.repository();
      const location = await lane.witness.patch(await lane.witness.openUpload(repository), fresh(10 * KIB));
      return {
        perform: async () => void (await lane.small.ask('DELETE', location, [204, 404])),
        check: async () => void (await lane.witness.get(location)).expect(404),
      };
    },
  };
}

/** 404 is what a repetition may be told whose first answer was lost. */
async function remove(lane: Lane, path: string): Promise<void> {
  await lane.small.ask('DELETE', path, [202, 404]);
}

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { purgeUploads } from '../../../src/jobs/purge-uploads.js';
import { isStorageError } from '../../../src/ports/storage-driver.js';
import { digestOf } from '../../http/client.js';
import { DAY, RegistryNode } from '../../support/in-process.js';
import { fresh } from '../lane.js';
import { NotNow, PatientClient } from '../patient-client.js';
import { StoreContents } from '../store-contents.js';
import { assertBlob, type Operation } from './operation.js';

const MIB = 1024 * 1024;

export const UPKEEP: readonly Operation[] = [purge(), start()];

/** In a store of its own with a large blob, a dead upload of several segments and a cancelled one. */
function purge(): Operation {
  return {
    name: 'purge dead uploads',
    async prepare(lane) {
      const prefix = `purge-${randomBytes(8).toString('hex')}`;
      const [store, direct] = [lane.store(prefix), lane.directStore(prefix)];
      const driver = store.driver();
      const node = await RegistryNode.start(direct);
      const client = new PatientClient(node);
      const bytes = fresh(5 * MIB);
      const digest = digestOf(bytes);
      (await client.close(await client.patch(await client.openUpload('a'), bytes), digest)).expect(201);
      await client.patch(await client.openUpload('a'), fresh(5 * MIB));
      const cancelled = await client.patch(await client.openUpload('a'), fresh(1000));
      (await client.call('DELETE', cancelled)).expect(204);
      store.clock.advance(9 * DAY);
      const contents = new StoreContents(lane.bed, prefix);
      return {
        async perform() {
          const { failed } = await purgeUploads(driver, store.clock, {
            olderThan: 8 * DAY,
            dryRun: false,
          }).catch((error: unknown) => {
            if (isStorageError(error)) throw new NotNow(error.message);
            throw error;
          });
          if (failed !== undefined) throw new NotNow(failed.reason);
        },
        async check() {
          assert.deepEqual(await contents.faults(), []);
          assert.deepEqual(await contents.garbage(), []);
          const held = (await client.get(`/v2/a/blobs/${digest}`)).expect(200).body;
          assert.ok(held.equals(bytes));
        },
        async close() {
          await node.close();
          await Promise.all([store.remove(), direct.remove()]);
          await contents.remove();
        },
      };
    },
  };
}

/** The first push to a server that has asked Swift nothing yet. */
function start(): Operation {
  return {
    name: 'first push after a start',
    async prepare(lane) {
      const repository = lane.repository();
      const store = lane.store();
      const node = await RegistryNode.start(store);
      const client = new PatientClient(node);
      const body = fresh(1000);
      const path = `/v2/${repository}/blobs/uploads/`;
      return {
        async perform() {
          await client.ask('POST', path, 202);
          await client.ask('POST', `${path}?digest=${digestOf(body)}`, 201, { body });
        },
        check: () => assertBlob(lane, repository, body),
        async close() {
          await node.close();
          await store.remove();
        },
      };
    },
  };
}

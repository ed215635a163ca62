import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { processLocks } from '../../src/composition/locks.js';
import { noExchange } from '../../src/composition/shared-counters.js';
import { composeServer } from '../../src/composition/server.js';
import { noInvalidations } from '../../src/composition/worker-bus.js';
import { systemClock, systemIds } from '../../src/composition/system.js';
import { createFilesystemDriver } from '../../storage-drivers/filesystem/filesystem-driver.js';
import { LogLines } from '../composition/log-lines.js';
import { load } from '../config/load.js';
import { temporaryDirectory } from '../support/temporary.js';
import { eventsIn } from './audit-world.js';

describe('the audit trail of a server', () => {
  it('is written whole when the server stops', async () => {
    const directory = await temporaryDirectory('audit');
    try {
      const config = load({
        env: {
          STACKYARD_AUTH_MODE: 'none',
          STACKYARD_STORAGE_FILESYSTEM_ROOT: directory.path,
          STACKYARD_AUDIT_STRICT: 'strict/*',
        },
      });
      const log = new LogLines();
      const { server, drain } = await composeServer({
        config,
        log,
        invalidations: noInvalidations,
        locker: processLocks(),
        exchange: noExchange,
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const body = JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.index.v1+json',
        manifests: [],
      });
      const headers = { 'content-type': 'application/vnd.oci.image.index.v1+json' };
      for (const name of ['a', 'strict/b']) {
        const put = await fetch(`${origin}/v2/${name}/manifests/v1`, { method: 'PUT', body, headers });
        assert.equal(put.status, 201);
      }
      const driver = createFilesystemDriver({ root: directory.path, clock: systemClock, ids: systemIds });
      const told = async () =>
        (await eventsIn(driver)).map(({ repository, from }) => [repository, from]).sort();
      assert.deepEqual(await told(), [['strict/b', '127.0.0.1']]);
      await drain();
      assert.deepEqual(await told(), [
        ['a', '127.0.0.1'],
        ['strict/b', '127.0.0.1'],
      ]);
      assert.deepEqual(
        log.lines.filter(({ level }) => level === 'warn'),
        [],
      );
      await driver.close();
    } finally {
      await directory.remove();
    }
  });
});

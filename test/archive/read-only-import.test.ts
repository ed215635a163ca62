import assert from 'node:assert/strict';
import { onStore } from '../support/in-process.js';
import { AdminWorld } from '../http/admin/admin-world.js';
import { BOUNDARY, fileOf, formOf, headOf, requestLines } from '../http/admin/forms.js';
import { Wire } from '../http/client.js';
import { everything, savedImage, tarArchive } from './archives.js';

describe('archive: imports and the read-only mode', () =>
  onStore(
    'memory',
    (bench) => {
      it('refuses at its end an import that began before it, and keeps nothing', async () => {
        const { root } = await AdminWorld.make(bench());
        const { node, store } = bench();
        const bytes = await tarArchive(savedImage(['a:v1']).entries);
        const length = formOf([fileOf(bytes)]).byteLength;
        const wire = await Wire.to(node.port);
        const headers = { 'content-length': String(length), expect: '100-continue' };
        // It is told to go on when the import reads.
        await wire.head(...requestLines('root', headers)).until(/100 Continue\r\n\r\n/);
        await wire.write(headOf(fileOf('')));
        await wire.write(bytes.subarray(0, 1000));
        await root.value('setReadOnlyMode', { body: { readOnly: true, reason: 'backup' } });
        store.clock.advance(5001);
        const before = await everything(node.driver);
        await wire.write(Buffer.concat([bytes.subarray(1000), Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]));
        assert.match(await wire.until(/read-only: backup/), /\r\nHTTP\/1.1 403 /);
        assert.deepEqual(
          (await everything(node.driver)).filter((key) => !key.includes('/audit/')),
          before.filter((key) => !key.includes('/audit/')),
        );
      });
    },
    { logins: {}, admin: {} },
  ));

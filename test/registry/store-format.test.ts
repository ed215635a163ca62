import assert from 'node:assert/strict';
import { FORMAT_KEY, listedKey } from '../../src/domain/keys.js';
import { isStorageError } from '../../src/ports/storage-driver.js';
import { STORE_VERSION, openFormat } from '../../src/registry/store-format.js';
import { onEveryStore } from '../support/in-process.js';

onEveryStore('registry/store-format', (bench) => {
  it('an empty store becomes ours, and stays it though repositories come', async () => {
    const { driver } = bench().node;
    const ours = { version: STORE_VERSION, origin: 'stackyard', shared: false };
    assert.deepEqual(await openFormat(driver), ours);
    await driver.put(listedKey('docker/registry/v2/repositories/a/_layers/x'), Buffer.from('x'));
    assert.deepEqual(await openFormat(driver), ours);
  });

  it("a store with distribution's files is shared until it says otherwise", async () => {
    const { driver } = bench().node;
    await driver.put(listedKey('docker/registry/v2/blobs/sha256/aa/x/data'), Buffer.from('x'));
    const shared = { version: STORE_VERSION, origin: 'distribution', shared: true };
    for (let time = 1; time <= 2; time++) assert.deepEqual(await openFormat(driver), shared);
  });

  it('a store of a newer release is refused in one line, and not touched', async () => {
    const { driver } = bench().node;
    const newer = JSON.stringify({ version: STORE_VERSION + 1, more: true });
    await driver.put(FORMAT_KEY, Buffer.from(newer));
    await assert.rejects(openFormat(driver), (error) => {
      assert.ok(isStorageError(error, 'UNAVAILABLE'));
      assert.match(error.message, /^the store has version 2, this release reads up to 1: [^\n]+$/);
      return true;
    });
    assert.equal((await driver.read(FORMAT_KEY)).toString(), newer);
  });

  for (const text of ['', '{', 'null', '[]', '"1"', '{}', '{"version":"1"}']) {
    it(`an unreadable format ${JSON.stringify(text)} is an error, never a new store`, async () => {
      const { driver } = bench().node;
      await driver.put(FORMAT_KEY, Buffer.from(text));
      await assert.rejects(openFormat(driver), (error) => isStorageError(error, 'UNAVAILABLE'));
      assert.equal((await driver.read(FORMAT_KEY)).toString(), text);
    });
  }
});

import assert from 'node:assert/strict';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../src/config/units.js';

describe('config/units', () => {
  it('reads durations in every unit as milliseconds', () => {
    const texts = ['0s', '1500ms', '30s', '2m', '3h', '8d', '7 d'];
    assert.deepEqual(
      texts.map(parseDuration),
      [0, 1500, 30_000, 120_000, 10_800_000, 691_200_000, 604_800_000],
    );
  });

  it('refuses durations that could be misread', () => {
    for (const text of ['', '30', '-1s', '1.5h', '1w', '1S', '1h30m', ' 1s', '99999999999999999d']) {
      assert.equal(parseDuration(text), undefined, text);
    }
  });

  it('reads sizes in every unit as bytes', () => {
    const texts = ['0', '12', '12B', '4KiB', '4MiB', '1GiB'];
    assert.deepEqual(texts.map(parseSize), [0, 12, 12, 4096, 4_194_304, 1_073_741_824]);
  });

  it('refuses sizes that could be misread', () => {
    for (const text of ['', '4MB', '4M', '-1', '1.5GiB', '4mib'])
      assert.equal(parseSize(text), undefined, text);
  });

  it('writes what it reads back, in the largest exact unit', () => {
    assert.deepEqual([0, 1, 90_000, 86_400_000].map(formatDuration), ['0s', '1ms', '90s', '1d']);
    assert.deepEqual([0, 1, 1536, 2 ** 30].map(formatSize), ['0B', '1B', '1536B', '1GiB']);
  });
});

import assert from 'node:assert/strict';
import { judge } from '../../conformance/verdict.js';
import type { SuiteTest } from '../../conformance/suite.js';

const test = (name: string, status: SuiteTest['status'], message = ''): SuiteTest => ({
  name,
  status,
  message,
});
const features = new Map([['Ping', 'Pass']]);

describe('the verdict on a conformance run', () => {
  it('is good when everything passed', () => {
    const verdict = judge({ tests: [test('ping', 'passed')], features, log: '' }, [], 1);
    assert.deepEqual(verdict, { passed: 1, skipped: 0, faults: [], allowed: [] });
  });

  for (const status of ['failure', 'error', 'skipped'] as const) {
    it(`is bad for a test that ended as ${status}`, () => {
      const tests = [test('ping', 'passed'), test('blobs/push', status, 'why')];
      assert.deepEqual(judge({ tests, features, log: '' }, [], 1).faults, [`${status}: blobs/push: why`]);
    });
  }

  it('lets a skip pass that is listed with a reason, but never a failure', () => {
    const skips = [{ test: 'blobs/push', reason: 'because' }];
    const skipped = judge({ tests: [test('sha256 blobs/push', 'skipped')], features, log: '' }, skips, 1);
    assert.deepEqual([skipped.skipped, skipped.faults], [1, []]);
    const failed = judge({ tests: [test('sha256 blobs/push', 'failure')], features, log: '' }, skips, 1);
    assert.ok(failed.faults.length > 0);
  });

  it('is bad when the skip list names a test that was not skipped', () => {
    const skips = [{ test: 'ping', reason: 'because' }];
    assert.equal(judge({ tests: [test('ping', 'passed')], features, log: '' }, skips, 1).faults.length, 1);
  });

  it('is bad when a feature was off, or nothing ran', () => {
    const off = new Map([['Tag delete', 'Disabled']]);
    assert.deepEqual(judge({ tests: [test('ping', 'passed')], features: off, log: '' }, [], 1).faults, [
      'feature "Tag delete": Disabled',
    ]);
    assert.equal(judge({ tests: [], features, log: '' }, []).faults.length, 1);
  });
});

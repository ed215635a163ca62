import assert from 'node:assert/strict';
import { ERROR_CODES, MissingReferences, RegistryError } from '../../src/errors/registry-error.js';
import type { ErrorCode } from '../../src/errors/registry-error.js';

/** PROTOCOL.md §1. */
const STATUSES: Readonly<Record<ErrorCode, number>> = {
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  MANIFEST_UNKNOWN: 404,
  MANIFEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_UNVERIFIED: 400,
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  DIGEST_INVALID: 400,
  SIZE_INVALID: 400,
  RANGE_INVALID: 416,
  TAG_INVALID: 400,
  PAGINATION_NUMBER_INVALID: 400,
  UNKNOWN: 500,
  UNAVAILABLE: 503,
};

describe('errors/registry-error', () => {
  it('has every code of the protocol, and no other', () => {
    assert.deepEqual(Object.keys(ERROR_CODES).sort(), Object.keys(STATUSES).sort());
  });

  for (const [code, status] of Object.entries(STATUSES) as [ErrorCode, number][]) {
    it(`${code} is ${status}, with a message`, () => {
      const error = new RegistryError(code);
      assert.equal(error.status, status);
      assert.deepEqual(error.entries, [{ code, message: ERROR_CODES[code].message }]);
      assert.notEqual(error.message, '');
    });
  }

  it('takes another message, status, detail, headers and a cause', () => {
    const cause = new Error('because');
    const options = { detail: { tag: 't' }, status: 413, headers: { 'Retry-After': '1' }, cause };
    const error = new RegistryError('MANIFEST_INVALID', 'too large', options);
    assert.equal(error.status, 413);
    assert.equal(error.cause, cause);
    assert.deepEqual(error.headers, { 'Retry-After': '1' });
    assert.deepEqual(error.entries, [
      { code: 'MANIFEST_INVALID', message: 'too large', detail: { tag: 't' } },
    ]);
  });

  it('MissingReferences has one entry a digest', () => {
    const error = new MissingReferences(['sha256:a', 'sha256:b']);
    assert.equal(error.status, 400);
    assert.deepEqual(
      error.entries.map(({ code, detail }) => [code, detail]),
      ['sha256:a', 'sha256:b'].map((digest) => ['MANIFEST_BLOB_UNKNOWN', { digest }]),
    );
  });
});

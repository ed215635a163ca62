import assert from 'node:assert/strict';
import { isTransfer, parseOciPath } from '../../src/http/oci/path.js';
import type { OciPath, Shape } from '../../src/http/oci/path.js';

const path = (shape: Shape, name = '', target = ''): OciPath => ({ shape, name, target });

const PATHS: readonly (readonly [string, OciPath | undefined])[] = [
  ['/v2', path('base')],
  ['/v2/', path('base')],
  ['/v2/_catalog', path('catalog')],
  ['/v2/_oci/ext/discover', path('extensions')],
  ['/v2/a/_oci/ext/discover', path('repository-extensions', 'a')],
  ['/v2/a/tags/list', path('tags', 'a')],
  ['/v2/a/b/c/tags/list', path('tags', 'a/b/c')],
  ['/v2/a/manifests/t', path('manifest', 'a', 't')],
  ['/v2/a/manifests/sha256:x', path('manifest', 'a', 'sha256:x')],
  ['/v2/a/manifests/sha256%3Ax', path('manifest', 'a', 'sha256:x')],
  ['/v2/a/blobs/sha256:x', path('blob', 'a', 'sha256:x')],
  ['/v2/a/blobs/uploads', path('uploads', 'a')],
  ['/v2/a/blobs/uploads/', path('uploads', 'a')],
  ['/v2/a/blobs/uploads/id', path('upload', 'a', 'id')],
  ['/v2/a/referrers/sha256:x', path('referrers', 'a', 'sha256:x')],
  ['/v2/a/blobs/uploads/blobs/uploads/', path('uploads', 'a/blobs/uploads')],
  ['/v2/a/blobs/uploads/manifests/t', path('manifest', 'a/blobs/uploads', 't')],
  ['/v2/a/blobs/uploads/tags/list', path('tags', 'a/blobs/uploads')],
  ['/v2/a/manifests/tags/list', path('tags', 'a/manifests')],
  ['/v2/a/tags/manifests/list', path('manifest', 'a/tags', 'list')],
  ['/v2/a/manifests/uploads', path('manifest', 'a', 'uploads')],
  ['/v2/tags/tags/list', path('tags', 'tags')],
  ['/v2/a%2Fb/tags/list', path('tags', 'a%2Fb')],
  ['/v2/a//tags/list', path('tags', 'a/')],
  ['/v2/a/manifests/x%2Fy', undefined],
  ['/v2/a/manifests/%2f', undefined],
  ['/v2/a/manifests/%', undefined],
  ['/v2/a/manifests/%ff', undefined],
  ['/v2/tags/list', undefined],
  ['/v2/manifests/t', undefined],
  ['/v2/a', undefined],
  ['/v2/a/', undefined],
  ['/v2//', undefined],
  ['/v2/a/tags/list/', undefined],
  ['/v2/a/Tags/list', undefined],
  ['/v2x', undefined],
  ['/V2/', undefined],
  ['', undefined],
];

const TRANSFERS: readonly (readonly [string, boolean])[] = [
  ['GET /v2/a/blobs/sha256:x', true],
  ['GET /v2/a/blobs/sha256:x?ns=docker.io', true],
  ['GET http://registry.example/v2/a/blobs/sha256:x', true],
  ['POST /v2/a/blobs/uploads/?digest=sha256:x', true],
  ['POST /v2/a/blobs/uploads', true],
  ['PATCH /v2/a/blobs/uploads/id', true],
  ['PUT /v2/a/blobs/uploads/id?digest=sha256:x', true],
  ['HEAD /v2/a/blobs/sha256:x', false],
  ['DELETE /v2/a/blobs/sha256:x', false],
  ['GET /v2/a/blobs/uploads/id', false],
  ['DELETE /v2/a/blobs/uploads/id', false],
  ['PUT /v2/x/blobs/y/manifests/t', false],
  ['GET /v2/x/blobs/y/tags/list', false],
  ['GET /v2/_catalog?last=a/blobs/b', false],
  ['GET /token?scope=/v2/a/blobs/sha256:x', false],
  ['GET /admin/v1/blobs/x', false],
];

describe('http/oci/path', () => {
  for (const [call, expected] of TRANSFERS) {
    it(`${call} is ${expected ? 'a' : 'no'} transfer`, () => {
      const [method = '', target = ''] = call.split(' ');
      assert.equal(isTransfer(method, target), expected);
    });
  }

  for (const [text, expected] of PATHS) {
    it(`${JSON.stringify(text)} is ${expected === undefined ? 'no path of the API' : expected.shape}`, () => {
      assert.deepEqual(parseOciPath(text), expected);
    });
  }
});

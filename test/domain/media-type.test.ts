import assert from 'node:assert/strict';
import { MEDIA_TYPE, accepts, bareMediaType, isNonDistributable } from '../../src/domain/media-type.js';

const TYPE = MEDIA_TYPE.ociManifest;

describe('domain/media-type', () => {
  it('a bare type has no parameters, no spaces and no capitals', () => {
    for (const text of [
      TYPE,
      ` ${TYPE} `,
      `${TYPE};charset=utf-8`,
      `${TYPE} ; a=b; c="d;e"`,
      TYPE.toUpperCase(),
    ]) {
      assert.equal(bareMediaType(text), TYPE);
    }
    assert.equal(bareMediaType(''), '');
  });

  const lines: readonly (readonly [readonly string[], boolean])[] = [
    [[], true],
    [[''], true],
    [[' , '], true],
    [[TYPE], true],
    [['*/*'], true],
    [['application/*'], true],
    [[`${TYPE};q=0.1`], true],
    [[`${TYPE};q=0.001`], true],
    [[`${TYPE.toUpperCase()}`], true],
    [[`text/html, ${TYPE}`], true],
    [['text/html', TYPE], true],
    [['text/html'], false],
    [['text/*', 'image/*'], false],
    [[`${TYPE}x`], false],
    [[`${TYPE};q=0`], false],
    [[`${TYPE}; q=0.000`], false],
    [[`${TYPE};q=0;x=y`], false],
    [[`text/html, ${TYPE};q=0`], false],
    [['*'], false],
  ];
  for (const [accept, expected] of lines) {
    it(`Accept ${JSON.stringify(accept).replaceAll(TYPE, 'T')} ${expected ? 'admits' : 'does not admit'} T`, () => {
      assert.equal(accepts(accept, TYPE), expected);
    });
  }

  it('layers that are fetched from elsewhere are known by their type', () => {
    const kept = [TYPE, 'application/vnd.oci.image.layer.v1.tar+gzip', 'application/vnd.foreign', ''];
    const elsewhere = [
      'application/vnd.oci.image.layer.nondistributable.v1.tar',
      'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
      'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    ];
    assert.deepEqual(
      kept.map(isNonDistributable),
      kept.map(() => false),
    );
    assert.deepEqual(
      elsewhere.map(isNonDistributable),
      elsewhere.map(() => true),
    );
  });
});

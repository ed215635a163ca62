import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from '../../src/composition/listen.js';
import { readUpstreams } from '../../src/composition/upstreams.js';
import { parseTag } from '../../src/domain/reference.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { load } from '../config/load.js';
import { Authority } from '../support/authority.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';

describe('composition/upstreams', () => {
  let home: TemporaryDirectory;
  before(async () => (home = await temporaryDirectory('upstreams')));
  after(() => home.remove());

  const at = (name: string): string => join(home.path, name);
  const read = (entry: string) => readUpstreams(load({ yaml: `mirror: {upstreams: [${entry}]}` }));
  const refused = (entry: string): string => {
    try {
      read(entry);
    } catch (error) {
      if (error instanceof StartError) return error.message;
      throw error;
    }
    return assert.fail('it was accepted');
  };

  it('has a root that ends in a slash', () => {
    const [name, ...paths] = read(
      'docker.io, {name: a, url: "http://h:5000"}, {name: b, url: "http://h:5001/x"}, {name: c, url: "http://h:5002/x/"}',
    ).map(({ url }) => url.href);
    assert.equal(name, 'https://registry-1.docker.io/');
    assert.deepEqual(paths, ['http://h:5000/', 'http://h:5001/x/', 'http://h:5002/x/']);
  });

  it('reads its logins in their order, secrets without the end of their line', async () => {
    await writeFile(at('password'), ' pass word \n');
    await writeFile(at('token'), 'refresh\r\n');
    const [upstream] = read(
      `{name: a, username: u, passwordFile: ${at('password')}, logins: [` +
        `{repositories: team/**, identityTokenFile: ${at('token')}}, {repositories: x, username: v, password: w}]}`,
    );
    assert.deepEqual(
      upstream?.logins.map(({ repositories, credentials }) => [repositories.text, credentials]),
      [
        ['team/**', { kind: 'identity', token: 'refresh' }],
        ['x', { kind: 'password', username: 'v', password: 'w' }],
        ['**', { kind: 'password', username: 'u', password: ' pass word ' }],
      ],
    );
    assert.ok(upstream?.logins.at(-1)?.repositories.matches(parseRepositoryName('any/thing')));
    assert.deepEqual(read('quay.io')[0]?.logins, []);
  });

  it('has the patterns of what is offered and pinned', () => {
    const [upstream] = read(
      '{name: a, allow: ["library/*"], deny: ["library/x"], pinned: ["library/node:18*"]}',
    );
    const matches = (name: string): readonly (boolean | undefined)[] =>
      [upstream?.allow, upstream?.deny].map((list) =>
        list?.some((pattern) => pattern.matches(parseRepositoryName(name))),
      );
    assert.deepEqual(matches('library/x'), [true, true]);
    assert.deepEqual(matches('library/y'), [true, false]);
    assert.deepEqual(matches('other/y'), [false, false]);
    assert.ok(upstream?.pinned[0]?.matches(parseRepositoryName('library/node'), parseTag('18.1')));
  });

  it('names key, upstream and file where one cannot be used, and nothing of what it holds', async () => {
    await writeFile(at('empty'), '\n');
    await writeFile(at('hush'), 'hush');
    const login = '{name: a, username: u, passwordFile: ';
    assert.equal(
      refused(`${login}${at('none')}}`),
      `mirror.upstreams: a: passwordFile: ${at('none')} cannot be read (ENOENT); give a readable file`,
    );
    assert.equal(
      refused(`${login}${at('empty')}}`),
      `mirror.upstreams: a: passwordFile: ${at('empty')} is empty; write the secret into it`,
    );
    assert.equal(
      refused(`{name: a, logins: [{repositories: x, identityTokenFile: ${at('none')}}]}`),
      `mirror.upstreams: a: identityTokenFile: ${at('none')} cannot be read (ENOENT); give a readable file`,
    );
    assert.equal(
      refused(`{name: a, ca: ${at('hush')}}`),
      `mirror.upstreams: a: ca: ${at('hush')} holds no certificate; give a PEM file`,
    );
  });

  it('reads authorities and a certificate of its own, which go together', async function () {
    this.timeout(30_000);
    const authority = await Authority.create(this, home.path);
    await authority.issue('one', 'one');
    await authority.issue('other', 'other');
    const [upstream] = read(
      `{name: a, ca: ${at('ca.pem')}, certificate: ${at('one.pem')}, key: ${at('one.key')}}`,
    );
    assert.match(upstream?.tls.ca ?? '', /BEGIN CERTIFICATE/);
    assert.match(upstream?.tls.certificate ?? '', /BEGIN CERTIFICATE/);
    assert.match(upstream?.tls.key ?? '', /PRIVATE KEY/);
    assert.match(
      refused(`{name: a, certificate: ${at('one.pem')}, key: ${at('other.key')}}`),
      /^mirror\.upstreams: a: certificate: \S+one\.pem and \S+other\.key do not go together [^\n]*own key$/,
    );
  });
});

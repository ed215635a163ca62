import assert from 'node:assert/strict';
import { describeConfig, printConfig } from '../../src/config/index.js';
import { load, problems } from './load.js';

const NAME = 'STACKYARD_MIRROR_UPSTREAMS';

/** An upstream of which nothing is known but its name and URL. */
function plain(name: string, url = `https://${name}`) {
  const namespaces = [name, new URL(url).host];
  return {
    name,
    url,
    namespaces: [...new Set(namespaces)],
    tokenHosts: [],
    networks: [],
    allow: ['**'],
    deny: [],
    pinned: [],
    logins: [],
  };
}

const HUB = {
  ...plain('docker.io', 'https://registry-1.docker.io'),
  namespaces: ['docker.io', 'index.docker.io', 'registry-1.docker.io'],
  tokenHosts: ['auth.docker.io'],
};

const GITLAB = { ...plain('registry.gitlab.com'), tokenHosts: ['gitlab.com'] };

function upstreamsOf(yaml: string) {
  return load({ yaml }).mirror.upstreams;
}

function refused(entry: string): string {
  const [line = '', ...more] = problems({ yaml: `mirror:\n  upstreams: [${entry}]` });
  assert.deepEqual(more, []);
  const place = 'mirror.upstreams (stackyard.yaml:2): ';
  assert.ok(line.startsWith(place), line);
  assert.ok(!line.includes('\n'), line);
  return line.slice(place.length);
}

describe('config: upstreams of the mirror', () => {
  it('takes names, in the file and with commas between in a variable', () => {
    const wanted = [HUB, GITLAB, plain('quay.io')];
    assert.deepEqual(upstreamsOf('mirror: {upstreams: [docker.io, registry.gitlab.com, quay.io]}'), wanted);
    const env = { [NAME]: 'docker.io, registry.gitlab.com,quay.io' };
    assert.deepEqual(load({ env }).mirror.upstreams, wanted);
  });

  it('takes mappings, in the file and in a variable', () => {
    const entry =
      '{name: hub, url: "http://127.0.0.1:5001/base", namespaces: Hub.example, networks: [127.0.0.1], ' +
      'allow: ["library/*"], deny: ["library/x"], pinned: ["library/node:18*"], tokenHosts: ["auth.example:444"], ' +
      'username: u, passwordFile: ./p, ca: ca.pem, certificate: c.pem, key: k.pem, ' +
      'logins: [{repositories: "a/**", username: x, password: y}, {repositories: b, identityTokenFile: f}]}';
    const wanted = {
      ...plain('hub', 'http://127.0.0.1:5001/base'),
      namespaces: ['hub.example'],
      networks: ['127.0.0.1/32'],
      allow: ['library/*'],
      deny: ['library/x'],
      pinned: ['library/node:18*'],
      tokenHosts: ['auth.example:444'],
      username: 'u',
      passwordFile: './p',
      ca: 'ca.pem',
      certificate: 'c.pem',
      key: 'k.pem',
      logins: [
        { repositories: 'a/**', username: 'x', password: 'y' },
        { repositories: 'b', identityTokenFile: 'f' },
      ],
    };
    assert.deepEqual(upstreamsOf(`mirror: {upstreams: [docker.io, ${entry}]}`), [HUB, wanted]);
    assert.deepEqual(load({ env: { [NAME]: `[docker.io, ${entry}]` } }).mirror.upstreams, [HUB, wanted]);
  });

  it('takes tokens from the known hosts of a known server only, and keeps what clients call it', () => {
    const [copy] = upstreamsOf('mirror: {upstreams: [{name: docker.io, url: "https://copy.example"}]}');
    assert.deepEqual(copy?.tokenHosts, []);
    assert.deepEqual(copy?.namespaces, [...HUB.namespaces, 'copy.example']);
    const [same] = upstreamsOf(
      'mirror: {upstreams: [{name: docker.io, url: "https://registry-1.docker.io", username: u, password: p}]}',
    );
    assert.deepEqual(same?.tokenHosts, HUB.tokenHosts);
    for (const url of ['https://registry-1.docker.io/', 'HTTPS://Registry-1.docker.io:443']) {
      const [written] = upstreamsOf(`mirror: {upstreams: [{name: docker.io, url: "${url}"}]}`);
      assert.deepEqual(written?.tokenHosts, HUB.tokenHosts, url);
    }
  });

  it('offers everything where the list of what is offered is empty', () => {
    const [entry] = upstreamsOf('mirror: {upstreams: [{name: quay.io, allow: []}]}');
    assert.deepEqual(entry?.allow, ['**']);
  });

  for (const [entry, line] of [
    ['{name: a, passwrd: hush}', 'a: there is no member passwrd; did you mean password?'],
    ['{name: a, toString: 1}', 'a: there is no member toString; did you mean logins?'],
    ['{url: "http://x"}', 'entry 1: name is missing; give one, such as docker.io'],
    ['quay.io, 7', 'entry 2: it is neither a name nor a mapping; give one'],
    [
      '"localhost:5000"',
      "entry 1: name: 'localhost:5000' is not accepted; give a component of repository names, such as docker.io",
    ],
    [
      '{name: a, url: "http://u:hush@x"}',
      "a: url: '***@x' is not accepted; give an http or https URL without user and password, and without the /v2/ of the registry API",
    ],
    [
      '{name: a, url: "https://x/v2/"}',
      "a: url: 'https://x/v2/' is not accepted; give an http or https URL without user and password, and without the /v2/ of the registry API",
    ],
    ['1.2.3.4.5', '1.2.3.4.5: url is missing and https://1.2.3.4.5 is no URL; give one'],
    ['{name: a, username: u}', 'a: username has no password; give exactly one of password and passwordFile'],
    [
      '{name: a, username: u, password: hush, passwordFile: f}',
      'a: username has both a password and a passwordFile; give exactly one of password and passwordFile',
    ],
    ['{name: a, password: hush}', 'a: username is missing; give the user of the password'],
    [
      '{name: a, username: u, password: hush, identityTokenFile: f}',
      'a: identityTokenFile stands instead of username and password; remove either',
    ],
    [
      '{name: a, username: u, password: [hush]}',
      'a: password: its value is not accepted; give text that is not empty',
    ],
    ['{name: a, logins: {password: hush}}', 'a: logins: its value is not accepted; give a list of mappings'],
    [
      '{name: a, logins: [{username: u, password: hush}]}',
      'a: logins 1: repositories is missing; give a pattern, such as library/**',
    ],
    [
      '{name: a, logins: [{repositories: x}]}',
      'a: logins 1: there is no login; give username and passwordFile, or identityTokenFile',
    ],
    ['{name: a, logins: [hush]}', 'a: logins 1: it is no mapping; give repositories and a login'],
    ['{name: a, certificate: c}', 'a: certificate and key go together; give both'],
    [
      '{name: a, tokenHosts: ["https://x"]}',
      "a: tokenHosts: [ 'https://x' ] is not accepted; give a list, each entry a host, with its port if it has one, such as quay.io",
    ],
    [
      '{name: a, networks: {password: hush}}',
      'a: networks: its value is not accepted; give a list, each entry a network such as 10.0.0.0/8 or fd00::/8',
    ],
    [
      '{name: a, namespaces: x}, {name: b, namespaces: x}',
      'b: namespaces: x is already one of a; give it to one',
    ],
  ] as const) {
    it(`refuses ${entry}`, () => {
      const told = refused(entry);
      assert.equal(told, line);
      assert.doesNotMatch(told, /hush/);
    });
  }

  it('refuses a name that is given twice, and each of several mistakes in a line of its own', () => {
    const lines = problems({ yaml: 'mirror: {upstreams: [a, a, {name: b, x: 1, ca: 2}]}' });
    const place = 'mirror.upstreams (stackyard.yaml:1): ';
    assert.deepEqual(lines, [
      `${place}b: there is no member x; did you mean ca?`,
      `${place}b: ca: 2 is not accepted; give text that is not empty`,
      `${place}a: name: a is already one of a; give it to one`,
      `${place}a: namespaces: a is already one of a; give it to one`,
    ]);
  });

  it('refuses what is no list, and shows nothing of it', () => {
    const [line] = problems({ yaml: 'mirror: {upstreams: {a: {password: hush}}}' });
    assert.equal(
      line,
      'mirror.upstreams (stackyard.yaml:1): it is no list; give each upstream a line that begins with a dash',
    );
    const [other = ''] = problems({ env: { [NAME]: '[{name: a, password: hush' } });
    assert.match(other, /^mirror\.upstreams \(STACKYARD_MIRROR_UPSTREAMS\): it is no YAML \([A-Z_]+\);/);
    assert.doesNotMatch(other, /hush/);
  });

  for (const [title, value] of [
    ['an alias that leads nowhere', '[*hush]'],
    ['an alias for a password', '[{name: a, username: u, password: *hush}]'],
    [
      'aliases that multiply',
      `[&a [hush,x,x,x,x,x,x,x,x], &b [${Array(9).fill('*a').join()}], &c [${Array(9).fill('*b').join()}], *c]`,
    ],
  ] as const) {
    it(`refuses ${title}, and shows nothing of it`, () => {
      assert.deepEqual(problems({ env: { [NAME]: value } }), [
        `mirror.upstreams (${NAME}): it is no YAML (BAD_ALIAS); correct the list`,
      ]);
      assert.deepEqual(problems({ yaml: `mirror:\n  upstreams: ${value}` }), [
        'mirror.upstreams (stackyard.yaml:2): an alias in it leads nowhere; put text that begins with * in quotes',
      ]);
    });
  }

  for (const url of [
    'https://u:hu/hush@x',
    'https:u:hush@x',
    'https:\\\\u:hush@x',
    'https://u:hush@@x',
    'u:hush@x',
  ]) {
    it(`shows no password of ${url}, wherever it stands`, () => {
      const text = JSON.stringify(url);
      for (const entry of [
        text,
        `{name: ${text}}`,
        `{name: a, url: ${text}}`,
        `{name: a, namespaces: ${text}}`,
        `{name: a, namespaces: [${text}]}`,
        `{name: a, ${text}: 1}`,
      ]) {
        const told = refused(entry);
        assert.doesNotMatch(told, /hush/);
        assert.match(told, /\*\*\*@x/);
      }
    });
  }

  it('shows no password before an @ that is far away', () => {
    assert.doesNotMatch(refused(`{name: a, url: "https://u:hush${'x'.repeat(100)}@h"}`), /hush/);
  });

  it('tells ten problems of many, and how many more there are', () => {
    const lines = problems({ env: { [NAME]: Array(20_000).fill('a').join() } });
    assert.equal(lines.length, 11);
    assert.match(lines[9] ?? '', /a is already one of a; give it to one$/);
    assert.equal(lines[10], `mirror.upstreams (${NAME}): 39988 more problems of it; correct these first`);
    const ten = problems({ env: { [NAME]: Array(6).fill('a').join() } });
    assert.equal(ten.length, 10);
    assert.doesNotMatch(ten.join(), /more problems/);
  });

  it('is printed as it can be loaded again', () => {
    const config = load({
      yaml: 'mirror: {upstreams: [docker.io, {name: q, url: "http://127.0.0.1:1", pinned: ["a:v*"], deny: ["x/**"]}, quay.io]}',
    });
    const printed = printConfig(config);
    assert.match(printed, /upstreams: \[docker\.io, \{name: q, .*\}, quay\.io\] # file stackyard\.yaml:1/);
    assert.deepEqual(load({ yaml: printed }).mirror, config.mirror);
  });

  it('is printed without its passwords', () => {
    const yaml =
      'mirror: {upstreams: [{name: q, username: u, password: hush, logins: [{repositories: a, username: u, password: hush}]}]}';
    const printed = printConfig(load({ yaml }));
    assert.equal(printed.match(/'\*\*\*'/g)?.length, 2);
    assert.doesNotMatch(printed, /hush/);
  });

  it('has its members in the documentation', () => {
    const members = describeConfig().find(({ key }) => key === 'mirror.upstreams')?.members ?? [];
    assert.deepEqual(
      members.map(({ name }) => name),
      [
        ...[
          'name',
          'url',
          'namespaces',
          'username',
          'password',
          'passwordFile',
          'identityTokenFile',
          'logins',
        ],
        ...['tokenHosts', 'networks', 'allow', 'deny', 'pinned', 'ca', 'certificate', 'key'],
      ],
    );
    for (const { name, help } of members) assert.match(help, /^[A-Z].{10,}\.$/, name);
  });
});

describe('config: rules of the mirror', () => {
  const ROOT = 'upstreams: [docker.io], root: {port: 5001, networks: [10.0.0.0/8]}';

  it('takes a root mirror of a configured upstream', () => {
    const { root } = load({ yaml: `mirror: {${ROOT}}` }).mirror;
    assert.deepEqual(root, {
      upstream: 'docker.io',
      port: 5001,
      host: '127.0.0.1',
      names: [],
      networks: ['10.0.0.0/8'],
    });
    const env = { STACKYARD_MIRROR_ROOT_NAMES: 'Hub.example, hub2' };
    assert.deepEqual(load({ yaml: `mirror: {${ROOT}}`, env }).mirror.root.names, ['hub.example', 'hub2']);
  });

  for (const [yaml, line] of [
    [
      'mirror: {upstreams: [quay.io], root: {port: 5001, networks: [10.0.0.0/8]}}',
      "mirror.root.upstream (default): 'docker.io' is not one of mirror.upstreams and mirror.root.port is given; add it there, or name one that is",
    ],
    [
      'mirror: {upstreams: [docker.io], root: {names: [hub.example]}}',
      'mirror.root.names (stackyard.yaml:1): the root mirror serves nobody without mirror.root.networks; give the networks of its clients, such as 10.0.0.0/8',
    ],
    [
      'mirror: {upstreams: [docker.io], root: {port: 5000, networks: [10.0.0.0/8]}}',
      'mirror.root.port (stackyard.yaml:1): 5000 is server.port already; give another, or host names of its own by mirror.root.names',
    ],
    [
      'mirror: {upstreams: [docker.io], root: {names: [r.example], networks: [10.0.0.0/8]}}\nserver: {publicUrl: "https://R.example:443"}',
      'mirror.root.names (stackyard.yaml:1): r.example is the host of server.publicUrl, where nothing but the root mirror would be left; give another name',
    ],
    [
      'mirror: {upstreams: [docker.io], warm: {images: ["docker.io/library/node", "quay.io/a:1"]}}',
      "mirror.warm.images (stackyard.yaml:1): the upstream of 'quay.io/a:1' is not one of mirror.upstreams; add it there",
    ],
  ] as const) {
    it(`refuses ${yaml}`, () => assert.deepEqual(problems({ yaml }), [line]));
  }

  it('says nothing of a root mirror that is not there', () => {
    assert.deepEqual(load({ yaml: 'mirror: {root: {upstream: x}}' }).mirror.root.upstream, 'x');
  });

  for (const image of [
    'docker.io',
    'docker.io/',
    'docker.io/A',
    'd/a:',
    'd/a@x',
    'd:1/a',
    'd/a:b:c',
    'd/a@sha256:1',
  ]) {
    it(`refuses to warm ${image}`, () => {
      const [line = ''] = problems({ yaml: `mirror: {upstreams: [d], warm: {images: ["${image}"]}}` });
      assert.match(line, /^mirror\.warm\.images \(stackyard\.yaml:1\): \[ '.*' \] is not accepted; give /);
    });
  }

  it('refuses a platform that is none, and a host name with a port', () => {
    const lines = problems({ yaml: 'mirror: {warm: {platforms: [linux]}, root: {names: ["a:1"]}}' });
    assert.match(lines[0] ?? '', /^mirror\.root\.names .*give a list, each entry a host name without a port/);
    assert.match(lines[1] ?? '', /^mirror\.warm\.platforms .*such as linux\/amd64/);
  });
});

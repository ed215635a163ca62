import { randomFrom } from '../../storage-drivers/driver-suite/bodies.js';
import type { Engine } from '../../src/client-config/engine-files.js';
import type { GivenMirror, GivenSetup } from '../../src/client-config/setup.js';
import type { Asked } from './fixtures.js';

const ENGINES: readonly Engine[] = ['docker', 'containerd', 'podman', 'crio'];
const REGISTRIES = ['registry.example:5000', 'r.example', 'localhost:1', '[fd00::1]:5000', '10.1.2.3'];
const UPSTREAMS = ['docker.io', 'quay.io', 'reg.example:8443', 'ghcr.io', 'docker.io', 'localhost:1'];
/** What makes a text that is right another one. */
const SPOILT = [
  '',
  ' ',
  '/',
  ':',
  '"',
  "'",
  '\n',
  'é',
  '😀',
  '.',
  '-',
  '@',
  '://',
  'A',
  '[',
  ']',
  '0',
  '\\',
  '\u0000',
];
const PEM = '-----BEGIN CERTIFICATE-----\nTUlJQg==\n-----END CERTIFICATE-----\n';
const JSON_PARTS = [
  ...['{', '}', '[', ']', ',', ':', ' ', '\n', '\t', '"', '1', '-0', '0.5', 'null', 'true'],
  ...['"auths"', '"registry-mirrors"', '"registry.example:5000"', '{}', '[]', '"x"', '"\\u00e9\\n"'],
];
const PLUGIN = [
  '"io.containerd.grpc.v1.cri"',
  "'io.containerd.cri.v1.images'",
  '"io.containerd.cri.v1.images"',
];
const TOML_LINES = [
  ...[
    '',
    '# config_path = "/x"',
    '  a = 1 # b',
    'b = "x # y"',
    "c = '['",
    'd = [',
    '  "e",',
    ']',
    '[f]',
    '[[g]]',
  ],
  ...[
    'h.i = { j = "}" }',
    'k = """',
    'disabled_plugins = ["cri"]',
    'disabled_plugins = ["aufs"]',
    'root = "/r"\r',
    'imports = []',
    'imports = ["/etc/containerd/conf.d/*.toml"] # x',
    "imports = [ '/etc/containerd/conf.d/*.toml' , ]",
  ],
  ...PLUGIN.flatMap((name) => [
    ...[`[plugins.${name}]`, `[plugins.${name}.registry]`, `  [ plugins . ${name} . registry ] # r`],
    ...[`[plugins.${name}.registry.mirrors]`, `[plugins.${name}.registry.mirrors."x"]`],
    ...[`[plugins.${name}.registry.configs."x".tls]`, `[plugins.${name}.registry.configs."x".auth]`],
    ...[`plugins.${name}.registry.config_path = ""`, `[plugins]`, `  ${name}.registry = {}`],
  ]),
  ...[
    '  config_path = ""',
    'config_path = "/etc/containerd/certs.d"',
    "\tconfig_path='/a:/etc/containerd/certs.d'",
  ],
  ...[
    'config_path = "/opt"',
    'registry.config_path = ""',
    'registry = {',
    '  mirrors = {}',
    'configs."x".tls.ca = 1',
  ],
];

/** Setups with what is there already, the same for the same seed; about half of them are refused somewhere. */
export function randomSetups(seed: number, count: number): readonly Asked[] {
  const random = randomFrom(seed);
  const isSo = (chance: number): boolean => random() < chance;
  const below = (count: number): number => Math.floor(random() * count);
  function one<T>(items: readonly [T, ...T[]] | readonly T[]): T {
    const item = items[below(items.length)];
    if (item === undefined) throw new Error('there is none');
    return item;
  }
  const several = (items: readonly string[], most: number, between = ''): string =>
    Array.from({ length: below(most + 1) }, () => one(items)).join(between);
  const spoilt = (text: string, chance = 0.06): string => {
    if (!isSo(chance)) return text;
    const at = below(text.length + 1);
    return text.slice(0, at) + one(SPOILT) + text.slice(at + below(2));
  };
  const mirror = (): GivenMirror => ({
    upstream: spoilt(one(UPSTREAMS)),
    ...(isSo(0.4) && { name: spoilt(one(['hub', 'a.b-c', 'x__y'])) }),
    ...(isSo(0.3) && { only: isSo(0.5) }),
  });
  const setup = (): GivenSetup => ({
    registry: spoilt(one(REGISTRIES)),
    ...(isSo(0.3) && { http: isSo(0.7) }),
    ...(isSo(0.3) && { ca: spoilt(PEM + (isSo(0.3) ? PEM.replaceAll('\n', '\r\n') : '')) }),
    ...(isSo(0.5) && { mirrors: Array.from({ length: below(4) }, mirror) }),
    ...(isSo(0.5) && {
      dockerMirror: spoilt(`http${isSo(0.5) ? 's' : ''}://${one(REGISTRIES)}${one(['', '/'])}`),
    }),
    ...(isSo(0.5) && { login: { username: spoilt('ci'), password: spoilt('pä:ss') } }),
    ...(isSo(0.3) && { home: spoilt('/home/ci') }),
  });
  const value = (depth: number): unknown => {
    if (depth === 0 || isSo(0.5))
      return one<unknown>([null, true, 'a\u0001/"\\\u2028é', '', 7, -3, 0.25, [], {}]);
    const items = Array.from({ length: below(4) }, () => value(depth - 1));
    return isSo(0.5) ? items : Object.fromEntries(items.map((item, at) => [`k${at}é`, item]));
  };
  const json = (registry: string): string => {
    if (isSo(0.15)) return several(JSON_PARTS, 8);
    const auth = {
      auth: one([
        'Y2k6cMOkOnNz',
        'eDp5',
        'Y2k6cMOkOnNz\n',
        'Y2k6cM-OkOnNz',
        'Y2k6cMOkOnNz=',
        'Y2k6cMOkOnNzY',
      ]),
      ...(isSo(0.3) && { identitytoken: 'x' }),
      email: 'e',
    };
    const members: [string, unknown][] = [
      ['auths', isSo(0.85) ? { 'quay.io': {}, ...(isSo(0.5) && { [registry]: auth }) } : value(1)],
      [
        'registry-mirrors',
        isSo(0.85) ? [one(['https://m.example/', 'https://registry.example:5000'])] : value(1),
      ],
      ['insecure-registries', isSo(0.85) ? [registry] : value(1)],
      ['credHelpers', isSo(0.85) ? { 'gcr.io': 'gcloud' } : value(1)],
      ['credsStore', isSo(0.5) ? '' : value(0)],
      ['other', value(3)],
    ];
    const some = members.filter(() => isSo(0.5)).sort(() => random() - 0.5);
    const text = JSON.stringify(Object.fromEntries(some), undefined, one(['', ' ', '\t']));
    return spoilt(text, 0.1);
  };
  const toml = (): string =>
    one(['', 'version = 2\n', 'version = 2\n', 'version = 3\n', 'version = 4\n', 'version = 1\n']) +
    several(TOML_LINES, 5, '\n') +
    one(['', '\n']);
  return Array.from({ length: count }, () => {
    const given = setup();
    const home = given.home ?? '/root';
    const existing: [string, string][] = [
      ['/etc/docker/daemon.json', json(given.registry)],
      [`${home}/.docker/config.json`, json(given.registry)],
      [`${home}/.config/containers/auth.json`, json(given.registry)],
      ['/etc/crio/stackyard-auth.json', json(given.registry)],
      ['/etc/containerd/config.toml', toml()],
      ['/etc/containerd/conf.d/50-a.toml', several(TOML_LINES, 2, '\n')],
      ['/etc/containerd/conf.d/ä.toml', several(TOML_LINES, 1, '\n')],
    ];
    const there = Object.fromEntries(existing.filter(() => isSo(0.7)));
    return { engine: one(ENGINES), setup: given, existing: there };
  });
}

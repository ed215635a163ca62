import type { Default, MemberFacts } from './key-facts.js';
import { configKeys, sectionPaths } from './keys.js';
import { loadConfig } from './loader.js';
import { printConfig } from './print.js';

/** One key as documentation shows it. */
export interface KeyDescription {
  /** As in `server.port`. */
  readonly key: string;
  /** Environment variables, the strongest first. */
  readonly env: readonly string[];
  readonly accepts: string;
  /** As written in the file; absent where the key has none. */
  readonly default?: string;
  readonly help: string;
  readonly secret: boolean;
  /** Of a list of mappings what each may have. */
  readonly members?: readonly MemberDescription[];
}

export interface MemberDescription {
  readonly name: string;
  readonly help: string;
  readonly accepts: string;
}

/** Every key of the schema, in its order. */
export function describeConfig(): readonly KeyDescription[] {
  return configKeys.map(({ path, env, accepts, fallback, help, secret, members }) => ({
    key: path,
    env,
    accepts,
    ...(fallback === undefined ? {} : { default: written(fallback) }),
    help,
    secret: secret === true,
    ...(members !== undefined && { members: Object.entries(members).map(describeMember) }),
  }));
}

function describeMember([name, { help, kind }]: [string, MemberFacts]): MemberDescription {
  return { name, help, accepts: kind.accepts };
}

function written(fallback: Default): string {
  return typeof fallback === 'object' ? `[${fallback.join(', ')}]` : String(fallback);
}

const INTRODUCTION = `# Configuration

<!-- Made from src/config/schema.ts by \`npm run docs\`; do not edit. -->

Every key can stand in a YAML file and in an environment variable. The environment is stronger than the file, the file
stronger than the default.

- The file is the one of \`--config\`, else of \`STACKYARD_CONFIG\`, else \`stackyard.yaml\` in the working directory if there
  is one.
- The variable of a key is \`STACKYARD_\` and its path in capitals with underscores. An empty variable counts as not set.
- A duration is a whole number and one of \`ms\`, \`s\`, \`m\`, \`h\`, \`d\`. A size is a whole number and one of \`B\`, \`KiB\`, \`MiB\`,
  \`GiB\`, or bytes without a unit.
- A list is a list in the file, and in a variable its entries with commas between them.
- An unknown key or \`STACKYARD_\` variable is an error, and so is a value that does not fit. Names that start with
  \`STACKYARD_TEST_\` are left alone.
- Where the store is Swift, the variables \`OS_*\` of OpenStack's clients and \`ST_*\` count too, then the cloud of
  \`clouds.yaml\` that \`storage.swift.cloud\` or \`OS_CLOUD\` names (the file of \`OS_CLIENT_CONFIG_FILE\`, else in the working
  directory, \`~/.config/openstack\` or \`/etc/openstack\`, with \`secure.yaml\`). Of an id and a name of one thing the one of
  the stronger source counts, else the id. Keystone, Swift and the upstreams of the mirror are reached directly: \`HTTP_PROXY\` and
  \`HTTPS_PROXY\` do not count.
- \`stackyard config check\` tells all problems, \`stackyard config print\` shows every value and where it came from.

Swift takes five lines; where a cloud of \`clouds.yaml\` or the variables of an \`openrc\` file hold the credentials, one:

\`\`\`yaml
storage:
  driver: swift
  swift:
    authUrl: https://keystone.example:5000
    applicationCredentialId: 0123456789abcdef0123456789abcdef
    applicationCredentialSecret: the-secret
\`\`\`

\`\`\`sh
STACKYARD_STORAGE_DRIVER=swift OS_CLOUD=registry stackyard serve
\`\`\`
`;

/** The whole of docs/configuration.md, formatted as prettier would. */
export function configurationPage(): string {
  const sections = sectionPaths.filter((path) => !path.includes('.')).map(sectionPart);
  const printed = printConfig(loadConfig({ env: {}, cwd: '/', readFile: () => '' }));
  const defaults = printed
    .replace(/^ *# .*\n/gm, '')
    .replace(/ # .*$/gm, '')
    .trimEnd();
  return [INTRODUCTION, ...sections, `## The defaults as a file\n\n\`\`\`yaml\n${defaults}\n\`\`\`\n`].join(
    '\n',
  );
}

function sectionPart(section: string): string {
  const parts = describeConfig()
    .filter(({ key }) => key.startsWith(`${section}.`))
    .map(keyPart);
  return `## ${section}\n\n${parts.join('\n')}`;
}

function keyPart(description: KeyDescription): string {
  const { key, env, accepts, help, secret, members } = description;
  const fallback = description.default === undefined ? 'none' : `\`${description.default}\``;
  return [
    `### \`${key}\`\n`,
    `${help}${secret ? ' A secret: never shown.' : ''}\n`,
    `- Default: ${fallback}`,
    `- Accepts: ${accepts}`,
    `- Environment: ${env.map((name) => `\`${name}\``).join(', else ')}`,
    ...(members === undefined ? [] : ['- Members of a mapping:', ...members.map(memberLine)]),
    '',
  ].join('\n');
}

function memberLine({ name, help, accepts }: MemberDescription): string {
  return `  - \`${name}\` (${accepts}): ${help}`;
}

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
}

/** Every key of the schema, in its order. */
export function describeConfig(): readonly KeyDescription[] {
  return configKeys.map(({ path, env, accepts, fallback, help, secret }) => ({
    key: path,
    env,
    accepts,
    ...(fallback === undefined ? {} : { default: `${fallback}` }),
    help,
    secret: secret === true,
  }));
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
- An unknown key or \`STACKYARD_\` variable is an error, and so is a value that does not fit. Names that start with
  \`STACKYARD_TEST_\` are left alone, and \`STACKYARD_ADMIN_PASSWORD\` is no key.
- \`stackyard config check\` tells all problems, \`stackyard config print\` shows every value and where it came from.
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
  const { key, env, accepts, help, secret } = description;
  const fallback = description.default === undefined ? 'none' : `\`${description.default}\``;
  return [
    `### \`${key}\`\n`,
    `${help}${secret ? ' A secret: never shown.' : ''}\n`,
    `- Default: ${fallback}`,
    `- Accepts: ${accepts}`,
    `- Environment: ${env.map((name) => `\`${name}\``).join(', else ')}\n`,
  ].join('\n');
}

import { resolve } from 'node:path';
import { Argument, Command } from 'commander';
import { ClientConfigError } from '../client-config/client-config-error.js';
import type { ClientFile } from '../client-config/client-file.js';
import { clientFiles, ENGINES, mergedPaths, type Engine } from '../client-config/engine-files.js';
import { nextSteps } from '../client-config/next-steps.js';
import type { GivenMirror, GivenSetup, Login } from '../client-config/setup.js';
import { collected, jsonOption } from './arguments.js';
import { existingFiles, readFile, writeFiles } from './client-config-host.js';
import type { CommandContext } from './command-context.js';
import { caOption } from './command-options.js';
import { UsageError } from './exit.js';
import { jsonText, printable } from './output.js';

interface ClientConfigOptions {
  readonly registry: string;
  readonly http: boolean;
  readonly ca?: string;
  readonly mirror?: readonly GivenMirror[];
  readonly only: boolean;
  readonly dockerMirror?: string;
  readonly username?: string;
  readonly passwordStdin: boolean;
  readonly home?: string;
  readonly secretName?: string;
  readonly namespace?: string;
  readonly into?: string;
  readonly file?: string;
  readonly json: boolean;
}

/** `stackyard client-config` */
export function clientConfigCommand(context: CommandContext): Command {
  return new Command('client-config')
    .description('write the files that make a container engine use a registry, or print them')
    .addArgument(new Argument('<engine>', 'whose files').choices(ENGINES))
    .requiredOption('--registry <host[:port]>', 'the registry as images name it')
    .option('--http', 'it is reached by plain HTTP', false)
    .addOption(caOption())
    .option(
      '--mirror <upstream[=name]>',
      'take this other registry by it, which calls it NAME; may be repeated',
      collected(parseMirror),
    )
    .option('--only', 'never ask the upstreams themselves', false)
    .option('--docker-mirror <url>', "the server's root mirror, which Docker takes docker.io from")
    .option('--username <name>', 'log in as this user or robot')
    .option('--password-stdin', 'read its password from the first line of the standard input', false)
    .option('--home <directory>', 'of the user whose login it is; without it /root')
    .option('--secret-name <name>', 'of the Secret of Kubernetes; without it stackyard')
    .option('--namespace <name>', 'of that Secret')
    .option('--into <directory>', 'merge into the files below this directory, / on a host')
    .option('--file <path>', 'print this one of the files alone')
    .addOption(jsonOption())
    .action((engine: Engine, options: ClientConfigOptions) => clientConfig(context, engine, options));
}

async function clientConfig(
  context: CommandContext,
  engine: Engine,
  options: ClientConfigOptions,
): Promise<void> {
  refuseUnused(engine, options);
  const setup = await setupOf(context, options);
  try {
    if (options.into === undefined) print(context, engine, setup, options);
    else await write(context, engine, setup, { ...options, into: options.into });
  } catch (error) {
    throw error instanceof ClientConfigError ? asUsage(error, options.into) : error;
  }
}

/** Of a host that has none of them yet. */
function print(
  context: CommandContext,
  engine: Engine,
  setup: GivenSetup,
  { file, json }: ClientConfigOptions,
): void {
  const all = someOf(clientFiles(engine, setup, new Map()));
  const files = file === undefined ? all : all.filter(({ path }) => path === file);
  if (files.length === 0)
    throw new UsageError(`${file} is none of the files: ${all.map(({ path }) => path).join(', ')}`);
  if (json) context.out(`${jsonText({ files: files.map((each) => ({ ...each, mode: modeText(each) })) })}\n`);
  else if (file !== undefined) context.out(files.map(({ content }) => content).join(''));
  else for (const each of files) context.out(`==> ${each.path} (${modeText(each)}) <==\n${each.content}`);
}

async function write(
  context: CommandContext,
  engine: Engine,
  setup: GivenSetup,
  { into, json }: ClientConfigOptions & { readonly into: string },
): Promise<void> {
  const root = resolve(into);
  const paths = mergedPaths(engine, setup);
  const existing = await existingFiles(root, paths);
  const written = await writeFiles(root, someOf(clientFiles(engine, setup, existing)), { paths, existing });
  const changed = written.filter(({ isChanged }) => isChanged).map(({ path }) => path);
  const then = nextSteps(engine, changed);
  if (json) {
    context.out(
      `${jsonText({ files: written.map(({ at, isChanged }) => ({ path: at, changed: isChanged })), then })}\n`,
    );
    return;
  }
  for (const { at, isChanged } of written)
    context.out(`${isChanged ? 'wrote' : 'unchanged'} ${printable(at)}\n`);
  for (const step of then) context.out(`then: ${step}\n`);
}

/** @throws UsageError */
function someOf(files: readonly ClientFile[]): readonly ClientFile[] {
  if (files.length > 0) return files;
  throw new UsageError(
    'the engine needs no file for that: give --ca, --http, --mirror, --docker-mirror or --username',
  );
}

async function setupOf(context: CommandContext, options: ClientConfigOptions): Promise<GivenSetup> {
  const { registry, http, ca, mirror = [], only, dockerMirror, home, secretName, namespace } = options;
  const login = await loginOf(context, options);
  return {
    registry,
    http,
    ...(ca !== undefined && { ca: await readFile(ca, '--ca') }),
    mirrors: mirror.map((each) => ({ ...each, only })),
    ...(dockerMirror !== undefined && { dockerMirror }),
    ...(login !== undefined && { login }),
    ...(home !== undefined && { home }),
    secret: {
      ...(secretName !== undefined && { name: secretName }),
      ...(namespace !== undefined && { namespace }),
    },
  };
}

/** @throws UsageError */
async function loginOf(
  { ask, readLine }: CommandContext,
  { username, passwordStdin }: ClientConfigOptions,
): Promise<Login | undefined> {
  if (username === undefined) {
    if (passwordStdin) throw new UsageError('--password-stdin goes with --username');
    return undefined;
  }
  if (passwordStdin) return { username, password: await readLine() };
  if (ask === undefined)
    throw new UsageError('there is no terminal to ask at: give --password-stdin with --username');
  return { username, password: await ask('Password or access token: ', { secret: true }) };
}

/** Nothing that was asked for is left out without a word. @throws UsageError */
function refuseUnused(engine: Engine, options: ClientConfigOptions): void {
  const { mirror, only, dockerMirror, ca, http, home, secretName, namespace, into, file } = options;
  const given = (value: unknown): boolean => value !== undefined && value !== false;
  const goesWith = (flag: string, value: unknown, isRight: boolean, what: string): void => {
    if (given(value) && !isRight) throw new UsageError(`${flag} goes with ${what}`);
  };
  goesWith('--only', only, mirror !== undefined, '--mirror');
  goesWith('--file', file, into === undefined, 'what is printed, not with --into');
  goesWith('--docker-mirror', dockerMirror, engine === 'docker', 'the engine docker');
  const isSecret = engine === 'kubernetes';
  goesWith('--secret-name', secretName, isSecret, 'the engine kubernetes');
  goesWith('--namespace', namespace, isSecret, 'the engine kubernetes');
  for (const [flag, value] of Object.entries({ mirror, ca, http, home }))
    goesWith(
      `--${flag}`,
      value,
      !isSecret,
      "a host's engine; of Kubernetes' nodes these are containerd and crio",
    );
}

/** `UPSTREAM[=NAME]` */
function parseMirror(text: string): GivenMirror {
  const equals = text.indexOf('=');
  return equals < 0 ? { upstream: text } : { upstream: text.slice(0, equals), name: text.slice(equals + 1) };
}

const FLAGS: Readonly<Record<string, string>> = {
  registry: '--registry',
  ca: '--ca',
  dockerMirror: '--docker-mirror',
  login: '--username',
  'login.username': '--username',
  'login.password': 'the password',
  home: '--home',
  'secret.name': '--secret-name',
  'secret.namespace': '--namespace',
};

/** In the words of the command line; files as they are called below the directory. */
function asUsage({ subject, reason }: ClientConfigError, into: string | undefined): UsageError {
  const [, index] = /^mirrors\[(\d+)\]/.exec(subject) ?? [];
  const flag = index === undefined ? FLAGS[subject] : `--mirror (number ${Number(index) + 1})`;
  return new UsageError(`${flag ?? resolve(into ?? '/', `.${subject}`)}: ${reason}`);
}

function modeText({ mode }: ClientFile): string {
  return mode.toString(8).padStart(4, '0');
}

import { resolve } from 'node:path';
import { Command } from 'commander';
import { parseServerUrl } from '../composition/admin-arguments.js';
import {
  closing,
  withAdmin,
  type CommandContext,
  type Login,
  type ResultOptions,
} from './command-context.js';
import { caOption, withResult } from './command-options.js';
import { UsageError } from './exit.js';
import { printResult, printable } from './output.js';

interface LoginOptions {
  readonly username?: string;
  readonly passwordStdin: boolean;
  readonly tokenStdin: boolean;
  readonly ca?: string;
}

/** `stackyard login` */
export function loginCommand(context: CommandContext): Command {
  return new Command('login')
    .description('keep a login for a server in the profile file, which only you may read')
    .argument('<url>', 'of the server', parseServerUrl)
    .option('--username <name>', 'a user or robot; not needed for an access token')
    .option('--password-stdin', 'read the password from the first line of the standard input', false)
    .option('--token-stdin', 'the same for the secret of an access token', false)
    .addOption(caOption())
    .action((server: string, options: LoginOptions) => login(context, server, options));
}

/** `stackyard logout` */
export function logoutCommand(context: CommandContext): Command {
  return new Command('logout')
    .description('forget the login for a server; it is not ended there')
    .argument('<url>', 'of the server', parseServerUrl)
    .action((server: string) => logout(context, server));
}

/** `stackyard whoami` */
export function whoamiCommand(context: CommandContext): Command {
  return withResult(new Command('whoami').description('tell who you are to the server')).action(
    (options: ResultOptions) => whoami(context, options),
  );
}

async function login(context: CommandContext, server: string, options: LoginOptions): Promise<void> {
  const given = await loginOf(context, options);
  const ca = options.ca === undefined ? {} : { ca: resolve(options.ca) };
  const me = await closing(await context.connect({ server, ...ca }, given), async (api) => {
    const { value } = await api.call('whoAmI');
    return value;
  });
  await context.profiles.save(server, { ...given, ...ca });
  const name = me.name === '' ? 'nobody in particular' : printable(me.name);
  context.out(
    `logged in to ${server} as ${name}${me.admin ? ', an admin' : ''}; kept in ${context.profiles.path}\n`,
  );
}

/** @throws UsageError */
async function loginOf({ ask, readLine }: CommandContext, options: LoginOptions): Promise<Login> {
  const { username, passwordStdin, tokenStdin } = options;
  if (passwordStdin && tokenStdin) throw new UsageError('give --password-stdin or --token-stdin, not both');
  if (passwordStdin && username === undefined) throw new UsageError('--password-stdin goes with --username');
  if (passwordStdin || tokenStdin) return loginWith(username, await readLine());
  if (ask === undefined) {
    throw new UsageError(
      'there is no terminal to ask at: give --token-stdin, or --username with --password-stdin',
    );
  }
  const name = username ?? (await ask('User name (empty for an access token by itself): '));
  const secret = await ask(name === '' ? 'Access token: ' : 'Password or access token: ', { secret: true });
  return loginWith(name === '' ? undefined : name, secret);
}

/** @throws UsageError */
function loginWith(username: string | undefined, secret: string): Login {
  if (secret === '') throw new UsageError('there is no secret: the line is empty');
  return { secret, ...(username !== undefined && { username }) };
}

async function logout({ profiles, out }: CommandContext, server: string): Promise<void> {
  const was = await profiles.remove(server);
  out(was ? `the login for ${server} is forgotten\n` : `there was no login for ${server}\n`);
}

async function whoami(context: CommandContext, options: ResultOptions): Promise<void> {
  const { value, place } = await withAdmin(context, options, async (api) => {
    const answer = await api.call('whoAmI');
    return { value: answer.value, place: api.name };
  });
  printResult(context, options, value, ({ name, admin, token, version }) => {
    const who = `${name === '' ? 'anybody' : name}${admin ? ', an admin' : ''}`;
    const by = token === undefined ? '' : `, by the access token ${token}`;
    return `${printable(`${who}${by}, to ${place} (stackyard ${version})`)}\n`;
  });
}

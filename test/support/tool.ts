import { StringDecoder } from 'node:string_decoder';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { startChild } from './child.js';

export interface ToolOptions {
  readonly cwd?: string;
  /** Added to this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Written to standard input; without it the tool reads nothing. */
  readonly input?: string | Readable;
  readonly timeoutMs?: number;
}

export interface ToolResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
}

/** A command that ended badly: its message names the command, how it ended, and the end of what it said. */
export class ToolError extends Error {
  override readonly name = 'ToolError';
  constructor(
    readonly command: string,
    readonly ending: string,
    readonly stdout: string,
    readonly stderr: string,
  ) {
    const said = (stderr.trim() || stdout.trim()).slice(-2000);
    super(`${command}: ${ending}: ${said === '' ? '(no output)' : said}`);
  }
}

/** Runs a command to its end, whatever its exit code. Throws ToolError on a signal or when time is up. */
export async function tryTool(
  command: string,
  args: readonly string[],
  options: ToolOptions = {},
): Promise<ToolResult> {
  const { cwd, env, input, timeoutMs = 120_000 } = options;
  const began = performance.now();
  const child = await startChild(command, args, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...env },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const decoders = [new StringDecoder(), new StringDecoder()] as const;
  child.process.stdout?.on('data', (chunk: Buffer) => (stdout += decoders[0].write(chunk)));
  child.process.stderr?.on('data', (chunk: Buffer) => (stderr += decoders[1].write(chunk)));
  let fed: Promise<void> = Promise.resolve();
  const { stdin } = child.process;
  if (stdin !== null && input !== undefined) {
    fed = pipeline(typeof input === 'string' ? [input] : input, stdin).catch((error: unknown) => {
      // A tool that stops reading closes the pipe; then its own exit code and words tell what went wrong.
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
    });
  }
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.process.kill('SIGKILL');
  }, timeoutMs);
  const exit = await child.ended;
  clearTimeout(timer);
  const line = [command, ...args].join(' ');
  if (timedOut) throw new ToolError(line, `not done within ${timeoutMs} ms`, stdout, stderr);
  if (exit.code === null) throw new ToolError(line, `ended by ${exit.signal}`, stdout, stderr);
  await fed;
  return { code: exit.code, stdout, stderr, milliseconds: performance.now() - began };
}

/** Runs a command and expects exit code 0; else throws ToolError. */
export async function runTool(
  command: string,
  args: readonly string[],
  options: ToolOptions = {},
): Promise<ToolResult> {
  const result = await tryTool(command, args, options);
  if (result.code !== 0)
    throw new ToolError([command, ...args].join(' '), `exit ${result.code}`, result.stdout, result.stderr);
  return result;
}

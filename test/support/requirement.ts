import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Context } from 'mocha';

export interface Skipped {
  readonly suite: string;
  readonly reason: string;
}

/** The suites left out of this run, for the reporter's closing list. */
export const skippedSuites: Skipped[] = [];

/** True where a missing component is a failure: in CI, and with STACKYARD_TEST_REQUIRE_ALL=1. */
export function everythingRequired(env: NodeJS.ProcessEnv = process.env): boolean {
  return env['CI'] === 'true' || env['STACKYARD_TEST_REQUIRE_ALL'] === '1';
}

/** Leaves the current suite out and records why; where everything is required it throws instead. */
export function leaveOut(context: Context, reason: string): never {
  const test = context.currentTest ?? context.test;
  const suite = test?.parent?.fullTitle() ?? test?.title ?? 'a suite';
  if (everythingRequired()) throw new Error(`${suite}: ${reason}, and every suite is required here`);
  skippedSuites.push({ suite, reason });
  return context.skip();
}

/** The path of an installed program, sbin included; undefined if there is none. */
export function findTool(name: string): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return directories
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The path of a program that the suite cannot do without; call it in a `before` hook. */
export function requireTool(context: Context, name: string): string {
  return findTool(name) ?? leaveOut(context, `${name} is not installed`);
}

/** For suites that mount: dockerd, and vfs storage, need root. */
export function requireRoot(context: Context): void {
  if (process.getuid?.() !== 0) leaveOut(context, 'it needs root');
}

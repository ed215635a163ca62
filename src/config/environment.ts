import { configKeys } from './keys.js';
import { nearest } from './nearest.js';
import type { Setting, Source } from './settings.js';

export type Environment = Readonly<Record<string, string | undefined>>;

const OTHER_VARIABLES = [
  'STACKYARD_CONFIG',
  'STACKYARD_ADMIN_PASSWORD',
  'STACKYARD_SERVER',
  'STACKYARD_TOKEN',
  'STACKYARD_USERNAME',
  'STACKYARD_PASSWORD',
  'STACKYARD_PROFILES',
];
/** Names of the tests, and what Kubernetes sets in a namespace that has a Service named `stackyard`. */
const FOREIGN = /^STACKYARD_(?:TEST_.*|SERVICE_(?:HOST|PORT.*)|PORT(?:_\d+_.*)?)$/;

/** Reads the variables of the schema. An empty variable counts as not set. */
export function readEnvironment(env: Environment): Source {
  const settings = new Map<string, Setting>();
  for (const { path, env: names } of configKeys) {
    const where = names.find((name) => isSet(env[name]));
    if (where !== undefined) settings.set(path, { value: env[where], where, from: 'env' });
  }
  return { settings, problems: unknownVariables(env), readable: true };
}

/** The text of a variable, or undefined where it is absent or empty. */
export function variableText(env: Environment, name: string): string | undefined {
  const value = env[name];
  return isSet(value) ? value : undefined;
}

function unknownVariables(env: Environment): string[] {
  const known = [...configKeys.map((key) => key.env[0]), ...OTHER_VARIABLES];
  return Object.keys(env)
    .filter((name) => name.startsWith('STACKYARD_') && !FOREIGN.test(name) && isSet(env[name]))
    .filter((name) => !known.includes(name))
    .map((name) => `${name} (environment): there is no such variable; did you mean ${nearest(name, known)}?`);
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}

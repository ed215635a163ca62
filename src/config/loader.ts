import { resolve } from 'node:path';
import type { z } from 'zod';
import { readCloud } from './clouds.js';
import { ConfigError } from './config-error.js';
import { readEnvironment, variableText, type Environment } from './environment.js';
import { parseFile } from './file.js';
import { configKeys, sectionPaths } from './keys.js';
import { rememberOrigins } from './origins.js';
import { brokenRules } from './rules.js';
import { configSchema, type Config } from './schema.js';
import { refuseValue } from './refusal.js';
import { overlay, type Setting, type Source } from './settings.js';
import { accountProblems } from './swift-account.js';

export interface LoadOptions {
  readonly env: Environment;
  /** Directory that a relative path of the file starts from. */
  readonly cwd: string;
  /** The text of a file; throws as node:fs does, with `code`. */
  readonly readFile: (path: string) => string;
  /** The `--config` option; stronger than STACKYARD_CONFIG. */
  readonly configPath?: string | undefined;
}

const DEFAULT_FILE = 'stackyard.yaml';

/**
 * The configuration: environment over file over default. Reads nothing but what it is given.
 * @throws ConfigError with all problems found
 */
export function loadConfig(options: LoadOptions): Config {
  const file = readConfigFile(options);
  const environment = readEnvironment(options.env);
  const cloud = readSwiftCloud(overlay(file.settings, environment.settings), options);
  const { settings } = cloud;
  const problems = [...file.problems, ...environment.problems, ...cloud.problems];
  const where = (path: string): string => settings.get(path)?.where ?? 'default';

  const parsed = configSchema.safeParse(tree(settings));
  if (!parsed.success) problems.push(...refusals(parsed.error, settings));
  else if (file.readable) {
    problems.push(...brokenRules(parsed.data, where));
    if (cloud.readable) problems.push(...accountProblems(parsed.data, where, readFileFrom(options)));
  }
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems);

  freeze(parsed.data);
  rememberOrigins(parsed.data, settings);
  return parsed.data;
}

function readConfigFile({ env, cwd, readFile, configPath }: LoadOptions): Source {
  const fromEnvironment = variableText(env, 'STACKYARD_CONFIG');
  const name = configPath ?? fromEnvironment ?? DEFAULT_FILE;
  const named = configPath !== undefined ? '--config' : fromEnvironment && 'STACKYARD_CONFIG';
  let text: string;
  try {
    text = readFile(resolve(cwd, name));
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' && named === undefined)
      return { settings: new Map(), problems: [], readable: true };
    const cause = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`;
    const problem = `${name} (${named ?? 'found here'}): ${cause}; give a readable file`;
    return { settings: new Map(), problems: [problem], readable: false };
  }
  return parseFile(name, text);
}

function errorCode(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  throw error;
}

function tree(settings: ReadonlyMap<string, Setting>): object {
  const root: Record<string, Record<string, unknown>> = {};
  const sections = new Map<string, Record<string, unknown>>([['', root]]);
  const place = (path: string, value: unknown): void => {
    const dot = path.lastIndexOf('.');
    const parent = sections.get(path.slice(0, Math.max(dot, 0)));
    if (parent !== undefined) parent[path.slice(dot + 1)] = value;
  };
  for (const path of sectionPaths) {
    const section = {};
    sections.set(path, section);
    place(path, section);
  }
  for (const [path, { value }] of settings) place(path, value);
  return root;
}

/** One line for each key, also where several entries of a list are refused; more where its schema explains. */
function refusals(error: z.ZodError, settings: ReadonlyMap<string, Setting>): string[] {
  const placed = error.issues.map(({ path, message }) => ({ at: `${path.join('.')}.`, message }));
  return configKeys.flatMap((key) => {
    const issues = placed.filter(({ at }) => at.startsWith(`${key.path}.`));
    if (issues.length === 0) return [];
    const setting = settings.get(key.path);
    if (setting === undefined) throw new TypeError(`the default of ${key.path} is not valid`);
    if (key.members === undefined) return refuseValue(key, setting);
    return issues.map(({ message }) => `${key.path} (${setting.where}): ${message}`);
  });
}

/** What `storage.swift.cloud` adds; without what OS_* and ST_* say where the store is not Swift. */
function readSwiftCloud(given: ReadonlyMap<string, Setting>, options: LoadOptions): Source {
  if (given.get('storage.driver')?.value !== 'swift') {
    const settings = new Map([...given].filter(([, { where }]) => !/^(?:OS|ST)_/.test(where)));
    return { settings, problems: [], readable: true };
  }
  const named = given.get('storage.swift.cloud');
  if (named === undefined) return { settings: given, problems: [], readable: true };
  const cloud = readCloud(named, options);
  return { ...cloud, settings: overlay(cloud.settings, given) };
}

function readFileFrom({ cwd, readFile }: LoadOptions): (path: string) => string {
  return (path) => readFile(resolve(cwd, path));
}

function freeze(section: object): void {
  for (const value of Object.values(section)) {
    if (typeof value === 'object' && value !== null) freeze(value as object);
  }
  Object.freeze(section);
}

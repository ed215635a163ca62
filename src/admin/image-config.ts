import { isObject, membersOf, parsedMembers } from '../domain/json-members.js';

/** One step of an image's history. */
export interface HistoryStep {
  readonly created?: string;
  readonly createdBy?: string;
  readonly comment?: string;
  readonly emptyLayer: boolean;
}

/**
 * What an image configuration tells (OCI image-spec config.md), at most the first 1000 of each list. All of it is its
 * author's word: show it as text.
 */
export interface ImageConfig {
  readonly architecture?: string;
  readonly os?: string;
  readonly variant?: string;
  /** RFC 3339. */
  readonly created?: string;
  readonly author?: string;
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly env?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly workingDir?: string;
  readonly user?: string;
  readonly exposedPorts?: readonly string[];
  readonly volumes?: readonly string[];
  readonly history?: readonly HistoryStep[];
}

/** Entries of a list; images have some dozens. */
const MOST_ENTRIES = 1000;

/** What of the bytes can be understood; whatever has another type than it should is left out. Never throws. */
export function imageConfigIn(bytes: Buffer): ImageConfig {
  const body = parsedMembers(bytes);
  const settings = membersOf(body['config']);
  return present({
    architecture: text(body['architecture']),
    os: text(body['os']),
    variant: text(body['variant']),
    created: time(body['created']),
    author: text(body['author']),
    entrypoint: texts(settings['Entrypoint']),
    cmd: texts(settings['Cmd']),
    env: texts(settings['Env']),
    labels: labels(settings['Labels']),
    workingDir: text(settings['WorkingDir']),
    user: text(settings['User']),
    exposedPorts: names(settings['ExposedPorts']),
    volumes: names(settings['Volumes']),
    history: history(body['history']),
  });
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function time(value: unknown): string | undefined {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? value : undefined;
}

function texts(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? first(value).filter((entry) => typeof entry === 'string') : undefined;
}

function names(value: unknown): readonly string[] | undefined {
  return isObject(value) ? first(Object.keys(value)) : undefined;
}

function labels(value: unknown): Readonly<Record<string, string>> | undefined {
  if (!isObject(value)) return undefined;
  return Object.fromEntries(
    first(Object.entries(value)).flatMap(([label, entry]) =>
      typeof entry === 'string' ? [[label, entry]] : [],
    ),
  );
}

function history(value: unknown): readonly HistoryStep[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return first(value as unknown[])
    .filter(isObject)
    .map((step) => ({
      ...present({
        created: time(step['created']),
        createdBy: text(step['created_by']),
        comment: text(step['comment']),
      }),
      emptyLayer: step['empty_layer'] === true,
    }));
}

function first<T>(entries: readonly T[]): readonly T[] {
  return entries.slice(0, MOST_ENTRIES);
}

type Present<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

function present<T extends object>(members: T): Present<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Present<T>;
}

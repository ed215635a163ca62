import { refuse } from './client-config-error.js';
import { PUBLIC, type ClientFile, type ExistingFiles } from './client-file.js';
import { settingImports } from './containerd-imports.js';
import { HOSTS_DIRECTORY } from './hosts-toml.js';
import { tomlLines } from './toml-lines.js';

export const CONTAINERD_CONFIG = '/etc/containerd/config.toml';

const SETTING = `config_path = "${HOSTS_DIRECTORY}"`;
const FRESH = `version = 2\n${tableOf('io.containerd.grpc.v1.cri')}`;
/** The plugin that reads hosts.toml for Kubernetes, by the version of the file. */
const PLUGINS: ReadonlyMap<string, string> = new Map([
  ['2', 'io.containerd.grpc.v1.cri'],
  ['3', 'io.containerd.cri.v1.images'],
  ['4', 'io.containerd.cri.v1.images'],
]);
/** Of files that containerd 1 reads, which takes a list of directories; the CRI of 2.1 and later reads none of a list. */
const TAKES_LISTS = '2';
const CRI = /(["'])(?:cri|io\.containerd\.grpc\.v1\.cri|io\.containerd\.cri\.v1\.images)\1/;
/** They hold a table for each host. */
const HOSTS_TABLES: readonly string[] = ['mirrors', 'configs'];
const BY_HAND = `set ${SETTING} in the plugin's registry table by hand`;

/**
 * Containerd's config.toml with `config_path` for the CRI, everything else byte for byte as it was. None where the CRI is
 * disabled, as Docker's hosts have it.
 * @throws ClientConfigError
 */
export function containerdConfig(existing: ExistingFiles): readonly ClientFile[] {
  const text = existing.get(CONTAINERD_CONFIG) ?? '';
  const content = /^[ \t\r\n]*$/.test(text) ? FRESH : withConfigPath(text, existing);
  return content === undefined ? [] : [{ path: CONTAINERD_CONFIG, mode: PUBLIC, content }];
}

interface Table {
  /** Index of its line. */
  readonly at: number;
  readonly path: readonly string[];
}

interface Entry {
  /** Index of its line. */
  readonly at: number;
  /** With the table's. */
  readonly path: readonly string[];
  readonly inTable: readonly string[];
  readonly value: string;
}

function withConfigPath(text: string, existing: ExistingFiles): string | undefined {
  const lines = text.split(/(?<=\n)/);
  const { tables, entries } = contentOf(lines);
  const topLevel = (name: string): string | undefined =>
    entries.find(({ path, inTable }) => inTable.length === 0 && path.length === 1 && path[0] === name)?.value;
  if (CRI.test(topLevel('disabled_plugins') ?? '')) return undefined;
  const version = topLevel('version') ?? '1';
  const plugin = pluginOf(version);
  const registry = ['plugins', plugin, 'registry'];
  refuseOtherSettings(tables, entries, registry);
  const header = tables.find(({ path }) => isSame(path, registry));
  const setting = entries.find(({ path }) => isSame(path, [...registry, 'config_path']));
  const directories = setting && directoriesOf(setting);
  const isOurs = (each: string): boolean => each.replace(/\/$/, '') === HOSTS_DIRECTORY;
  if (
    version === TAKES_LISTS
      ? directories?.some(isOurs)
      : directories?.length === 1 && directories.every(isOurs)
  )
    return text;
  refuseImports(topLevel('imports') ?? '[]', existing);
  if (setting !== undefined) return withSetting(lines, setting, directories?.join(':') ?? '', version);
  if (header === undefined) return `${text}${text.endsWith('\n') ? '' : '\n'}${tableOf(plugin)}`;
  const line = lines[header.at] ?? '';
  const indentation = /^[ \t]*/.exec(line)?.[0] ?? '';
  const ended = line.endsWith('\n') ? line : `${line}\n`;
  return lines.with(header.at, `${ended}${indentation}  ${SETTING}\n`).join('');
}

function contentOf(lines: readonly string[]): {
  readonly tables: readonly Table[];
  readonly entries: readonly Entry[];
} {
  const tables: Table[] = [];
  const entries: Entry[] = [];
  let inTable: readonly string[] = [];
  for (const [at, line] of tomlLines(lines).entries()) {
    if (line.kind === 'unreadable')
      refuse(CONTAINERD_CONFIG, `line ${at + 1} is none that can be read here; ${BY_HAND}`);
    if (line.kind === 'table') {
      inTable = line.path;
      tables.push({ at, path: line.path });
    } else if (line.kind === 'key') {
      entries.push({ at, path: [...inTable, ...line.path], inTable, value: line.value });
    }
  }
  return { tables, entries };
}

function pluginOf(version: string): string {
  const plugin = PLUGINS.get(version);
  if (plugin !== undefined) return plugin;
  if (version === '1')
    return refuse(
      CONTAINERD_CONFIG,
      'it is of version 1, which is not edited; make it version 2 or later (containerd config migrate), then try again',
    );
  return refuse(CONTAINERD_CONFIG, `its version is none of 2, 3 and 4; ${BY_HAND}`);
}

/** What containerd refuses beside config_path, and what sets it in a form that is not edited. */
function refuseOtherSettings(
  tables: readonly Table[],
  entries: readonly Entry[],
  registry: readonly string[],
): void {
  for (const { path } of tables) if (isPrefix(registry, path)) refuseBeside(path.slice(registry.length));
  for (const { path, inTable, value } of entries) {
    if (!isPrefix(registry, inTable)) {
      if (isPrefix(registry, path) || isPrefix(path, registry)) refuseForm();
      continue;
    }
    const own = path.slice(registry.length);
    refuseBeside(own);
    const isHidden = value.startsWith('{') && HOSTS_TABLES.includes(own[0] ?? '');
    if (isHidden || (inTable.length === registry.length && own.length > 1)) refuseForm();
  }
}

/** By the keys below the registry table. An empty table of mirrors, as `containerd config default` has it, is none. */
function refuseBeside([kind, host, what]: readonly string[]): void {
  const isMirror = kind === 'mirrors' && host !== undefined;
  if (!isMirror && !(kind === 'configs' && what === 'tls')) return;
  refuse(
    CONTAINERD_CONFIG,
    `containerd refuses registry.${isMirror ? 'mirrors' : 'configs tls'} beside config_path; move it to ${HOSTS_DIRECTORY}/HOST/hosts.toml, and take it out`,
  );
}

function refuseForm(): never {
  return refuse(
    CONTAINERD_CONFIG,
    `the registry table of the plugin is written in a form that is not edited; ${BY_HAND}`,
  );
}

function refuseImports(value: string, existing: ExistingFiles): void {
  const setting = settingImports(value, existing);
  if (setting === undefined) return;
  refuse(CONTAINERD_CONFIG, `imports brings in ${setting}; ${BY_HAND}, or take imports out`);
}

function directoriesOf({ value }: Entry): readonly string[] {
  const text = /^"([^"\\]*)"$/.exec(value)?.[1] ?? /^'([^']*)'$/.exec(value)?.[1];
  if (text === undefined)
    return refuse(CONTAINERD_CONFIG, `config_path is written in a form that is not edited; ${BY_HAND}`);
  return text.split(':');
}

function withSetting(lines: readonly string[], { at }: Entry, directories: string, version: string): string {
  if (directories !== '') {
    const fix =
      version === TAKES_LISTS
        ? `add :${HOSTS_DIRECTORY} to it by hand`
        : `make it ${HOSTS_DIRECTORY} alone by hand, for containerd 2.1 and later reads no list`;
    return refuse(CONTAINERD_CONFIG, `config_path is ${directories.replace(/[^ -~]/gu, '?')}; ${fix}`);
  }
  const changed = (lines[at] ?? '').replace(/=[ \t]*(?:""|'')/, `= "${HOSTS_DIRECTORY}"`);
  return lines.with(at, changed).join('');
}

function tableOf(plugin: string): string {
  return `\n[plugins."${plugin}".registry]\n  ${SETTING}\n`;
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && isPrefix(one, other);
}

function isPrefix(start: readonly string[], path: readonly string[]): boolean {
  return start.length <= path.length && start.every((key, at) => key === path[at]);
}

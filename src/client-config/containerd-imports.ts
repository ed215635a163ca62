import { UNREADABLE, type ExistingFiles } from './client-file.js';

/** What the default file of containerd 2.2 and later imports. No other import is looked into. */
export const CONTAINERD_IMPORTS = '/etc/containerd/conf.d/*.toml';

const LISTED = /^\/etc\/containerd\/conf\.d\/[^/]*\.toml$/;
const NOTHING = /^\[[ \t]*\][ \t]*$/;
const ONE = /^\[[ \t]*(?:"([^"\\]*)"|'([^']*)')[ \t]*,?[ \t]*\][ \t]*$/;
/** The plugin that reads hosts.toml, by each of its names. */
const PLUGIN =
  /io\.containerd\.grpc\.v1\.cri\b|io\.containerd\.cri\.v1\.images\b|plugins[ \t]*\.[ \t]*["']?cri\b/;

/** Imports of what is imported are followed, too. */
const IMPORTS = /^[ \t]*["']?imports["']?[ \t]*=/m;

/**
 * Of the value of `imports`: what may set the plugin, as the end of a sentence, undefined where nothing does. A file that is
 * imported is merged over the one that imports it, `config_path = ""` of its own included.
 */
export function settingImports(value: string, existing: ExistingFiles): string | undefined {
  if (NOTHING.test(value)) return undefined;
  const one = ONE.exec(value);
  if ((one?.[1] ?? one?.[2]) !== CONTAINERD_IMPORTS)
    return 'other files, which may set config_path otherwise';
  const setting = [...existing.keys()]
    .filter((path) => LISTED.test(path) && maySet(existing.get(path) ?? ''))
    .sort()[0];
  return setting && `${setting.replace(/[^ -~]/gu, '?')}, which may set the plugin, too`;
}

function maySet(text: string): boolean {
  return text.includes(UNREADABLE) || PLUGIN.test(text) || IMPORTS.test(text);
}

import { BedError } from './bed-error.mjs';

/** Sections of settings as the text of a PasteDeploy file. */
export function ini(sections) {
  return Object.entries(sections)
    .map(([section, settings]) => [`[${section}]`, ...lines(settings), ''].join('\n'))
    .join('\n');
}

function lines(settings) {
  return Object.entries(settings).map(([key, value]) => `${key} = ${value}`);
}

const SETTING = /^(?<file>[^/]+?)(?:\.conf)?\/(?<section>[^/]+)\/(?<key>[^/=]+)=(?<value>.*)$/;

/** `FILE/SECTION/KEY=VALUE` in its parts; undefined if the text is none. */
export function parseSetting(text) {
  const { groups } = SETTING.exec(text) ?? {};
  return groups === undefined ? undefined : { ...groups };
}

/** Files of sections with some settings replaced or added. Throws BedError for a file that there is not. */
export function withSettings(files, settings) {
  const changed = structuredClone(files);
  for (const { file, section, key, value } of settings) {
    if (changed[file] === undefined)
      throw new BedError(
        `no file ${file} to set ${section}/${key} in: there are ${Object.keys(files).join(' ')}`,
      );
    changed[file][section] = { ...changed[file][section], [key]: value };
  }
  return changed;
}

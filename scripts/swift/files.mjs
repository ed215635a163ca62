import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { proxyFiles, swiftFiles } from './configuration.mjs';
import { ini, parseSetting } from './ini.mjs';
import { keystoneFiles } from './keystone.mjs';

/** Writes the configuration of all parts below `root`/etc; returns each file's text by its name there. */
export async function writeFiles(plan) {
  const texts = Object.fromEntries(
    Object.entries(allFiles(plan)).map(([file, sections]) => [`${file}.conf`, ini(sections)]),
  );
  for (const [file, text] of Object.entries(texts)) {
    const path = join(plan.root, 'etc', file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  return texts;
}

function allFiles(plan) {
  const { keystone } = plan;
  const settings = Object.entries(plan.settings).map(toSetting);
  const forKeystone = ({ file }) => keystone && file === 'keystone';
  const files = swiftFiles({ ...plan, settings: settings.filter((setting) => !forKeystone(setting)) });
  if (keystone) Object.assign(files, keystoneFiles({ ...plan, settings: settings.filter(forKeystone) }));
  for (const [name, own] of Object.entries(plan.proxies)) {
    const proxy = proxyFiles({ ...plan, name, settings: Object.entries(own).map(toSetting) });
    for (const [file, sections] of Object.entries(proxy)) files[join(name, file)] = sections;
  }
  return files;
}

function toSetting([name, value]) {
  return parseSetting(`${name}=${value}`);
}

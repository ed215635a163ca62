import { readFileSync } from 'node:fs';

/** The version of package.json, which lies beside dist/ in a checkout and in the packed package. */
export function readVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  return version;
}

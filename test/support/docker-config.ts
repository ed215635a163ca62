import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A client that has no login yet takes whatever helper the machine has, unless a helper is named for any registry. */
const OWN_LOGINS = { credHelpers: { 'none.invalid': 'none' } };

/** Makes a directory for DOCKER_CONFIG whose clients keep logins in its config.json, also where `pass` is installed. */
export async function makeDockerConfig(directory: string): Promise<void> {
  await mkdir(directory);
  await writeFile(join(directory, 'config.json'), JSON.stringify(OWN_LOGINS));
}

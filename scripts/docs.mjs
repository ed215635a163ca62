import { writeFile } from 'node:fs/promises';
import { exitOnPrepareError, prepare } from './prepare.mjs';

await prepare().catch(exitOnPrepareError);
const { configurationPage } = await import('../dist/src/config/index.js');
await writeFile(new URL('../docs/configuration.md', import.meta.url), configurationPage());

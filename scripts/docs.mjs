import { readFile, writeFile } from 'node:fs/promises';
import { exitOnPrepareError, prepare } from './prepare.mjs';

await prepare().catch(exitOnPrepareError);
const { configurationPage } = await import('../dist/src/config/index.js');
const { commandPage } = await import('../dist/src/cli/manual.js');
const { processContext } = await import('../dist/src/cli/process-context.js');
const { createProgram } = await import('../dist/src/cli/program.js');
const { openApiDocument } = await import('../dist/src/api/openapi.js');
const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
await writeFile(new URL('../docs/configuration.md', import.meta.url), configurationPage());
await writeFile(new URL('../docs/cli.md', import.meta.url), commandPage(createProgram(processContext)));
await writeFile(
  new URL('../docs/openapi.json', import.meta.url),
  `${JSON.stringify(openApiDocument(version), undefined, 2)}\n`,
);

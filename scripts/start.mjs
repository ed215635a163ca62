import { exitOnPrepareError, prepare } from './prepare.mjs';

await prepare().catch(exitOnPrepareError);
// In this process, so that signals reach the server itself.
const { main } = await import('../dist/src/main.js');
await main(process.argv.slice(2));

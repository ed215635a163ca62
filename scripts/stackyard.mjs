// npm run -s stackyard …: the command, built first where that is needed.
import { exitOnPrepareError, prepare } from './prepare.mjs';

await prepare({ quiet: true }).catch(exitOnPrepareError);
await import('../dist/src/cli/stackyard.js');

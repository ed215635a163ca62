// healthcheck.mjs ROOT: exit code 0 while Swift's proxy and Keystone answer, once its users and catalog are there.
import { accessSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [, , root] = process.argv;
accessSync(join(root, 'env')); // written last
const { ports } = JSON.parse(readFileSync(join(root, 'bed.json'), 'utf8'));
const urls = [`http://127.0.0.1:${ports.proxy}/healthcheck`, `http://127.0.0.1:${ports.keystone}/v3`];
const answers = await Promise.all(urls.map((url) => fetch(url)));
process.exit(answers.every(({ ok }) => ok) ? 0 : 1);

// Ends with 0 while the server of this container answers /healthz, on the port and with TLS as it is configured by the
// container's environment and the file of STACKYARD_CONFIG. It talks to itself, so no certificate is checked.
import { get as getPlain } from 'node:http';
import { get as getSecure } from 'node:https';
import { loadProcessConfig } from '../dist/src/composition/process-config.js';

const LOCAL = { '0.0.0.0': '127.0.0.1', '::': '::1' };

const { host, port, tls } = loadProcessConfig(undefined).server;
const get = tls.certificate === undefined ? getPlain : getSecure;
const options = {
  host: LOCAL[host] ?? host,
  port,
  path: '/healthz',
  agent: false,
  rejectUnauthorized: false,
};
get(options, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on('error', ({ message }) => {
  console.error(`stackyard: /healthz does not answer: ${message}`);
  process.exit(1);
});

import { ApiProblem } from '../api/admin-connection.js';

const LOOPBACK = /^(?:localhost|.+\.localhost|127(?:\.\d+){3}|\[::1\])$/;

/**
 * The address of a server as its logins are kept under: without the trailing slash. What is in it may be a secret, so a
 * wrong one is not repeated.
 * @throws ApiProblem invalid-request
 */
export function parseServerUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new ApiProblem(
      'invalid-request',
      'a server is given by its URL, such as https://registry.example:5000',
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new ApiProblem('invalid-request', 'the URL of a server holds no password; run stackyard login');
  }
  if (url.search !== '' || url.hash !== '') {
    throw new ApiProblem('invalid-request', 'the URL of a server has neither ? nor #');
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

/** Whether what is sent there can be read on the way. */
export function isReadableOnTheWay(server: string): boolean {
  const { protocol, hostname } = new URL(server);
  return protocol === 'http:' && !LOOPBACK.test(hostname);
}

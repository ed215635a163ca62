import type { IncomingMessage } from 'node:http';
import type { ClientOrigin } from '../client-origin.js';
import { Problem } from './problem-answer.js';

/**
 * Browsers add the credentials that they know to what other pages send: such requests are refused (Fetch standard
 * "Origin header", Fetch Metadata). @throws Problem
 */
export function requireSameOrigin(req: IncomingMessage, origin: ClientOrigin): void {
  const { origin: sender, 'sec-fetch-site': site } = req.headers;
  const isElsewhere = sender !== undefined && sender !== originOf(origin.urlOf(req));
  if (isElsewhere || site === 'cross-site' || site === 'same-site') {
    throw new Problem(
      'not-permitted',
      'a page of another origin sent this; the admin API answers its own pages only',
    );
  }
}

/** As browsers write it: without path, default port and capitals. */
function originOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).origin : undefined;
}

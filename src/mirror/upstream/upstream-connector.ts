import { createSecureContext, rootCertificates } from 'node:tls';
import type { SecureContext } from 'node:tls';
import { buildConnector } from 'undici';
import type { AddressGuard } from './address-guard.js';
import type { Upstream } from './upstream.js';

/**
 * Opens the connections made for an upstream: guarded, and by TLS as `upstream.tls` says. Its authorities count beside
 * the public ones, for whomever it leads to as well; its client certificate is shown to its own origin alone.
 * @throws Error for certificates or a key that cannot be read
 */
export function upstreamConnector(
  upstream: Upstream,
  guard: AddressGuard,
  timeout: number,
): buildConnector.connector {
  const { ca, certificate, key } = upstream.tls;
  const trusted = ca === undefined ? {} : { ca: [...rootCertificates, ca] };
  const shown = certificate === undefined || key === undefined ? {} : { cert: certificate, key };
  const own = contextOf(upstream, { ...trusted, ...shown });
  const foreign = contextOf(upstream, trusted);
  return (options, callback) => {
    const { protocol, hostname, port } = options;
    const refusal = guard.refusal({ protocol, hostname, port });
    if (refusal !== undefined) return callback(refusal, null);
    const isOwn = originOf(options) === upstream.url.origin;
    const connect = buildConnector({
      timeout,
      lookup: guard.lookup({ protocol, hostname, port }),
      secureContext: isOwn ? own : foreign,
      maxCachedSessions: 0,
      port: 0,
    });
    connect(options, callback);
  };
}

function contextOf(upstream: Upstream, options: Parameters<typeof createSecureContext>[0]): SecureContext {
  try {
    return createSecureContext(options);
  } catch (error) {
    throw new Error(`tls of the upstream ${upstream.name} cannot be used: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function originOf({ protocol, hostname, port }: buildConnector.Options): string {
  const host = hostname.includes(':') ? `[${hostname}]` : hostname;
  return new URL(`${protocol}//${host}${port === '' ? '' : `:${port}`}`).origin;
}

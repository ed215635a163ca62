import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { Networks } from './networks.js';

/** Where a request came from and what its sender calls this server. */
export interface ClientOrigin {
  /** IP address of the client; of the last proxy that is not trusted to tell, or that tells no address. */
  addressOf(request: IncomingMessage): string;
  /** `https://registry.example:5000`. */
  urlOf(request: IncomingMessage): string;
}

const HOST = /^[A-Za-z0-9._~:[\]-]{1,255}$/;

/** Believes what trusted proxies tell in X-Forwarded-For, -Proto and -Host, and nobody else. */
export function createClientOrigin(options: {
  /** CIDR blocks. */
  readonly trustedProxies: readonly string[];
  /** What the server is always called. */
  readonly publicUrl?: string | undefined;
}): ClientOrigin {
  const proxies = new Networks(options.trustedProxies);
  const isProxied = (request: IncomingMessage): boolean => proxies.has(request.socket.remoteAddress ?? '');
  return {
    addressOf: (request) => {
      let address = request.socket.remoteAddress ?? '';
      for (const hop of listOf(request.headers['x-forwarded-for']).reverse()) {
        const told = proxies.has(address) ? addressIn(hop) : undefined;
        if (told === undefined) break;
        address = told;
      }
      return address;
    },
    urlOf: (request) => {
      if (options.publicUrl !== undefined) return options.publicUrl.replace(/\/+$/, '');
      const { headers, socket } = request;
      const told = isProxied(request)
        ? {
            host: listOf(headers['x-forwarded-host'])[0],
            proto: listOf(headers['x-forwarded-proto'])[0],
          }
        : {};
      const host = told.host ?? headers.host ?? '';
      const proto = told.proto ?? ('encrypted' in socket ? 'https' : 'http');
      return `${proto === 'https' ? 'https' : 'http'}://${HOST.test(host) ? host : 'localhost'}`;
    },
  };
}

/** Of an entry of X-Forwarded-For, which may have a port: each connection has another. */
function addressIn(entry: string): string | undefined {
  const [, inBrackets, beforePort] = /^(?:\[([^\]]*)\](?::\d+)?|([^:]*):\d+)$/.exec(entry) ?? [];
  const address = inBrackets ?? beforePort ?? entry;
  return isIP(address) === 0 ? undefined : address;
}

function listOf(header: string | string[] | undefined): string[] {
  const text = Array.isArray(header) ? header.join(',') : (header ?? '');
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

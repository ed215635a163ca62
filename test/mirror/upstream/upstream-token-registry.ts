import type { UpstreamClient } from '../../../src/mirror/upstream/upstream-client.js';
import type { UpstreamRequest } from '../../../src/mirror/upstream/upstream-access.js';
import { REPOSITORY, textOf } from './upstream-bed.js';
import type { Answering, Asked, Origin, UpstreamBed } from './upstream-bed.js';

const QUESTION = { method: 'GET', repository: REPOSITORY, path: 'manifests/latest' } as const;

/** A registry whose content only valid tokens open, which are given out at its own /token or elsewhere. */
export class TokenRegistry {
  /** What counts, as the Authorization that shows it. */
  readonly valid = new Set<string>();

  private constructor(private readonly started: { origin?: Origin }) {}

  /** `tokens` answers at /token; the realm is there unless another is given. */
  static async start(
    bed: UpstreamBed,
    tokens: (registry: TokenRegistry) => Answering,
    realm?: string,
  ): Promise<TokenRegistry> {
    const started: { origin?: Origin } = {};
    const registry = new TokenRegistry(started);
    const answer = tokens(registry);
    started.origin = await bed.origin((asked, response) => {
      if (asked.url.startsWith('/token')) return answer(asked, response);
      if (registry.valid.has(asked.headers.authorization ?? '')) return void response.end('content');
      const scope = 'repository:library/busybox:pull,push,delete';
      const challenge = `Bearer realm="${realm ?? `${registry.origin.url}/token?x=1`}",service="reg",scope="${scope}"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
    });
    return registry;
  }

  get origin(): Origin {
    const { origin } = this.started;
    if (origin === undefined) throw new Error('the registry is not started');
    return origin;
  }

  get tokensAsked(): readonly Asked[] {
    return this.origin.asked.filter(({ url }) => url.startsWith('/token'));
  }
}

/** Gives a new valid token each time, with these members beside it. */
export function giving(members: object = {}): (registry: Pick<TokenRegistry, 'valid'>) => Answering {
  return ({ valid }) =>
    (_, response) => {
      const token = `t0ken-${valid.size}`;
      valid.add(`Bearer ${token}`);
      response.end(JSON.stringify({ token, ...members }));
    };
}

export async function contentOf(
  client: UpstreamClient,
  question: UpstreamRequest = QUESTION,
): Promise<string> {
  return textOf((await client.ask(question)).body);
}

import type { accessOperations } from '../../api/access-operations.js';
import { grantIdOf } from '../../auth/grants.js';
import type { HeldGrant } from '../../auth/grants.js';
import { granteeText, parseGrantee } from '../../domain/grant.js';
import type { Grant, Grantee } from '../../domain/grant.js';
import { parseRepositoryName } from '../../domain/repository-name.js';
import type { Asked } from '../explanation.js';
import type { TokenInfo } from '../owned-tokens.js';
import { givenGrant, grantOf, grantText, recordedGrant } from './grant-values.js';
import type { GivenGrant } from './grant-values.js';
import type { Handlers } from './handler.js';
import { pageRequest } from './paging.js';

const DAY_SECONDS = 24 * 60 * 60;

export const accessHandlers: Handlers<keyof typeof accessOperations> = {
  listGrants: {
    run: async ({ permissions }, { query }) => {
      const grantee = query.grantee === undefined ? undefined : parseGrantee(query.grantee);
      const { items, ...rest } = await permissions.page(grantee, pageRequest(query));
      return { items: items.map(heldGrant), ...rest };
    },
  },
  addGrant: {
    run: async ({ permissions }, { body }) => {
      const [grantee, grant] = [parseGrantee(body.grantee), grantOf(body)];
      const { isStranger } = await permissions.add(grantee, grant);
      return { ...told(grantee, grantIdOf(grant), grant), isStranger };
    },
    audit: {
      action: 'grant.add',
      facts: ({ body }) => ({ target: body.grantee, detail: grantText(body) }),
    },
  },
  removeGrant: {
    run: async ({ permissions }, { params }) => {
      const grantee = parseGrantee(params.grantee);
      return told(grantee, params.id, await permissions.removeById(grantee, params.id));
    },
    audit: {
      action: 'grant.remove',
      facts: ({ params }, gone) => ({
        target: params.grantee,
        detail: gone ? grantText(gone) : `grant ${params.id}`,
      }),
    },
  },
  explainAccess: {
    run: async ({ explain }, { query }) => {
      const { grant, ...rest } = await explain({
        who: askedFor(query.who),
        repository: parseRepositoryName(query.repository),
        action: query.action,
      });
      return { ...rest, ...(grant && { grant: recordedGrant(grant) }) };
    },
  },
  listTokens: {
    run: async ({ tokens }, { query }) => {
      const { items, ...rest } = await tokens.page(query.owner, pageRequest(query));
      return { items: items.map(shownToken), ...rest };
    },
  },
  createToken: {
    run: ({ tokens }, { body: { owner, limits, expiresIn, note } }) =>
      tokens.create(owner, {
        ...(limits && { limits: limits.map(grantOf) }),
        ...(expiresIn !== undefined && { lifetime: expiresIn * 1000 }),
        ...(note !== undefined && { note }),
      }),
    audit: {
      action: 'token.create',
      facts: ({ body: { owner, limits = [] } }, made) => ({
        target: made?.id ?? owner,
        detail: [`of ${owner}`, ...limits.map((limit) => `only ${grantText(limit)}`)].join('; '),
      }),
    },
  },
  getToken: { run: async ({ tokens }, { params }) => shownToken(await tokens.find(params.id)) },
  rotateToken: {
    run: ({ tokens }, { params, body: { overlap = DAY_SECONDS } }) =>
      tokens.rotate(params.id, overlap * 1000),
    audit: {
      action: 'token.rotate',
      facts: ({ params }, made) => ({
        target: params.id,
        ...(made && { detail: `of ${made.owner}; replaced by ${made.id}` }),
      }),
    },
  },
  revokeToken: {
    run: async ({ tokens }, { params }) => {
      await tokens.revoke(params.id);
      return undefined;
    },
    audit: { action: 'token.revoke', facts: ({ params }) => ({ target: params.id }) },
  },
  listKeys: { run: async ({ keys }) => ({ items: await keys.list() }) },
  rotateKeys: {
    run: ({ keys }, { body: { now = false } }) => keys.rotate({ now }),
    audit: {
      action: 'key.rotate',
      facts: (_call, made) =>
        made ? { target: made.created, detail: `removed ${made.removed.join(',') || 'none'}` } : {},
    },
  },
};

interface ToldGrant extends GivenGrant {
  readonly id: string;
  readonly grantee: string;
}

function heldGrant({ grantee, id, grant }: HeldGrant): ToldGrant {
  return told(grantee, id, grant);
}

function told(grantee: Grantee, id: string, grant: Grant): ToldGrant {
  return { id, grantee: granteeText(grantee), ...givenGrant(grant) };
}

function shownToken({ limits, ...token }: TokenInfo): Omit<TokenInfo, 'limits'> & { limits?: GivenGrant[] } {
  return { ...token, ...(limits && { limits: limits.map(recordedGrant) }) };
}

/** @throws InvalidValue */
function askedFor(text: string): Asked {
  if (text === 'anonymous') return { kind: 'anonymous' };
  return text.includes(':') ? parseGrantee(text) : { kind: 'account', name: text };
}

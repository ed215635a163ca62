/** 401 with a challenge: of `error` none, `invalid_token` or `insufficient_scope`; a number is a status. */
export type Outcome = number | 'no token' | 'invalid' | 'insufficient';

export const CALLERS = [
  'anonymous',
  'wrong password',
  'anonymous token',
  'no grant',
  'pull',
  'push',
  'delete',
  'admin',
  'expired',
  'revoked',
  'other repository',
  'other service',
  'payload changed',
  'signature cut',
  'no signature',
  'alg none',
  'HS256 by public key',
  'unknown kid',
  'kid of a path',
  'kid of no text',
  'no end',
  'no JSON',
  'refresh token',
  'external issuer',
  'external, expired',
  'external, of another issuer',
  'external, for another service',
  'external, by another key',
  'external, HS256 by public key',
] as const;

export type CallerName = (typeof CALLERS)[number];

export interface Expectation {
  /** What the challenge asks for; none for routes that need only a token. */
  readonly scope?: string;
  readonly outcomes: Readonly<Record<CallerName, Outcome>>;
}

const WITHOUT_TOKEN = { anonymous: 'no token', 'wrong password': 'no token' } as const;
const BAD_TOKENS = {
  expired: 'invalid',
  revoked: 'invalid',
  'other service': 'invalid',
  'payload changed': 'invalid',
  'signature cut': 'invalid',
  'no signature': 'invalid',
  'alg none': 'invalid',
  'HS256 by public key': 'invalid',
  'unknown kid': 'invalid',
  'kid of a path': 'invalid',
  'kid of no text': 'invalid',
  'no end': 'invalid',
  'no JSON': 'invalid',
  'refresh token': 'invalid',
  'external, expired': 'invalid',
  'external, of another issuer': 'invalid',
  'external, for another service': 'invalid',
  'external, by another key': 'invalid',
  'external, HS256 by public key': 'invalid',
} as const;
const REFUSED = { ...WITHOUT_TOKEN, ...BAD_TOKENS };
const STRANGERS = {
  'anonymous token': 'insufficient',
  'no grant': 'insufficient',
  'other repository': 'insufficient',
} as const;

const PULL = 'repository:team/app:pull';
const PUSH = 'repository:team/app:pull,push';
const DELETE = 'repository:team/app:delete';

function everyToken(status: number): Expectation {
  return {
    outcomes: {
      ...REFUSED,
      'anonymous token': status,
      'no grant': status,
      pull: status,
      push: status,
      delete: status,
      admin: status,
      'external issuer': status,
      'other repository': status,
    },
  };
}

function toPull(status: number): Expectation {
  return {
    scope: PULL,
    outcomes: {
      ...REFUSED,
      ...STRANGERS,
      pull: status,
      push: status,
      delete: 'insufficient',
      admin: status,
      'external issuer': status,
    },
  };
}

function toPush(status: number): Expectation {
  return {
    scope: PUSH,
    outcomes: {
      ...REFUSED,
      ...STRANGERS,
      pull: 'insufficient',
      push: status,
      delete: 'insufficient',
      admin: status,
      'external issuer': status,
    },
  };
}

function toDelete(status: number): Expectation {
  return {
    scope: DELETE,
    outcomes: {
      ...REFUSED,
      ...STRANGERS,
      pull: 'insufficient',
      push: 'insufficient',
      delete: status,
      admin: status,
      'external issuer': status,
    },
  };
}

/** What each route of the registry API answers to each caller, on the repository team/app. */
export const EXPECTED: Readonly<Record<string, Expectation>> = {
  'GET base': everyToken(200),
  'HEAD base': everyToken(200),
  'GET catalog': {
    scope: 'registry:catalog:*',
    outcomes: {
      ...REFUSED,
      'anonymous token': 'insufficient',
      'no grant': 200,
      pull: 200,
      push: 200,
      delete: 200,
      admin: 200,
      'external issuer': 200,
      'other repository': 200,
    },
  },
  'GET extensions': everyToken(200),
  'GET repository-extensions': toPull(200),
  'GET tags': toPull(200),
  'GET referrers': toPull(200),
  'GET manifest': toPull(200),
  'HEAD manifest': toPull(200),
  'PUT manifest': toPush(201),
  'DELETE manifest': toDelete(202),
  'GET blob': toPull(200),
  'HEAD blob': toPull(200),
  'DELETE blob': toDelete(202),
  'POST uploads': toPush(202),
  'GET upload': toPush(204),
  'PATCH upload': toPush(202),
  'PUT upload': toPush(201),
  'DELETE upload': toPush(204),
};

export const TOKEN_CALLERS = ['anonymous', 'wrong password', 'unknown user', 'password', 'bearer'] as const;

export type TokenCallerName = (typeof TOKEN_CALLERS)[number];

/** Of the routes beside the registry API; their 401 has no challenge, for a client must not ask there again. */
export const TOKEN_ROUTES: Readonly<Record<string, Readonly<Record<TokenCallerName, number>>>> = {
  'GET /token': { anonymous: 200, 'wrong password': 401, 'unknown user': 401, password: 200, bearer: 401 },
  'POST /token': { anonymous: 400, 'wrong password': 401, 'unknown user': 401, password: 200, bearer: 400 },
  'GET /.well-known/jwks.json': {
    anonymous: 200,
    'wrong password': 200,
    'unknown user': 200,
    password: 200,
    bearer: 200,
  },
};

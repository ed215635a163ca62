import { z } from 'zod';
import { ACTIONS } from '../domain/scope.js';
import { issuedFields } from './account-operations.js';
import { operation } from './operation.js';
import {
  actions,
  localName,
  named,
  pageOf,
  paging,
  repositoryName,
  seconds,
  time,
  toldGrant,
  wishedGrant,
} from './shapes.js';

const grantee = () => z.string().describe('`user:NAME`, `robot:NAME`, `group:NAME` or `role:NAME`.');

const heldGrant = named(
  'Grant',
  z.object({
    id: z.string().describe('Within its grantee.'),
    grantee: grantee(),
    repositories: z.string(),
    actions: actions(),
  }),
);

const token = named(
  'Token',
  z.object({
    id: z.string(),
    owner: localName(),
    createdAt: time(),
    expiresAt: time().optional(),
    lastUsedAt: time().optional().describe('At most ten minutes behind.'),
    limits: z.array(toldGrant).optional(),
    note: z.string().optional(),
    replacedBy: z.string().optional().describe('The token that a rotation made of it.'),
  }),
);
const issuedToken = named('IssuedToken', z.object({ owner: localName(), ...issuedFields }));
const rotatedToken = named(
  'RotatedToken',
  z.object({
    owner: localName(),
    ...issuedFields,
    replaces: z.object({ id: z.string(), until: time() }),
  }),
);
const byId = { params: z.strictObject({ id: z.string().describe('The id of an access token.') }) };

const explanation = named(
  'Explanation',
  z.object({
    allowed: z.boolean(),
    by: z.enum(['grant', 'admin', 'personal-namespace', 'anonymous-pull', 'disabled', 'nothing']),
    grantee: z.string().optional().describe('Whose grant it is.'),
    grant: toldGrant.optional(),
    isStranger: z.boolean().describe('No user of the store or the file: other backends may add to this.'),
  }),
);

const key = named(
  'SigningKey',
  z.object({
    id: z.string(),
    createdAt: time(),
    signs: z.boolean().describe('The others only verify.'),
    neededUntil: time().optional().describe('When a rotation may remove it.'),
  }),
);

export const accessOperations = {
  listGrants: operation({
    method: 'GET',
    path: '/grants',
    summary: 'Grants, of one grantee or all',
    access: 'admin',
    query: z.strictObject({ grantee: grantee().optional(), ...paging }),
    result: pageOf('GrantPage', heldGrant),
  }),
  addGrant: operation({
    method: 'POST',
    path: '/grants',
    summary: 'Permits actions; the same grant may be given again',
    access: 'admin',
    problems: ['absent'],
    body: named('NewGrant', wishedGrant.extend({ grantee: grantee() })),
    status: 201,
    result: named(
      'AddedGrant',
      heldGrant.extend({
        isStranger: z.boolean().describe('The store has no such user: it is for one from elsewhere.'),
      }),
    ),
  }),
  removeGrant: operation({
    method: 'DELETE',
    path: '/grants/{grantee}/{id}',
    summary: 'Takes a grant back, and answers it',
    access: 'admin',
    problems: ['absent'],
    result: heldGrant,
    params: z.strictObject({ grantee: grantee(), id: z.string().describe('The id of the grant.') }),
  }),
  explainAccess: operation({
    method: 'GET',
    path: '/explanation',
    summary: 'Whether somebody may do something, and what decides it',
    access: 'admin',
    problems: ['absent'],
    query: z.strictObject({
      who: z.string().describe('A user or robot, `anonymous`, or a grantee such as `group:dev`.'),
      repository: repositoryName(),
      action: z.enum(ACTIONS),
    }),
    result: explanation,
  }),
  listTokens: operation({
    method: 'GET',
    path: '/tokens',
    summary: 'Access tokens without their secrets, of one owner or all',
    access: 'admin',
    problems: ['absent'],
    query: z.strictObject({ owner: localName().optional(), ...paging }),
    result: pageOf('TokenPage', token),
  }),
  createToken: operation({
    method: 'POST',
    path: '/tokens',
    summary: 'Makes an access token',
    access: 'admin',
    problems: ['absent'],
    body: named(
      'NewToken',
      z.strictObject({
        owner: localName(),
        limits: z.array(wishedGrant).min(1).max(1000).optional().describe('It allows nothing beyond these.'),
        expiresIn: seconds().min(1).optional().describe('Seconds that it is good for; else for ever.'),
        note: z.string().max(1000).optional().describe('What it is for.'),
      }),
    ),
    status: 201,
    result: issuedToken,
    repeatable: true,
  }),
  getToken: operation({
    method: 'GET',
    path: '/tokens/{id}',
    summary: 'An access token without its secret',
    access: 'admin',
    problems: ['absent'],
    ...byId,
    result: token,
  }),
  rotateToken: operation({
    method: 'POST',
    path: '/tokens/{id}/rotation',
    summary: 'Makes another access token of the same rights and lifetime, and lets the old one expire',
    access: 'admin',
    problems: ['absent', 'conflict'],
    ...byId,
    body: named(
      'TokenRotation',
      z.strictObject({
        overlap: seconds().optional().describe('Seconds that the old one is still good for; else a day.'),
      }),
    ),
    status: 201,
    result: rotatedToken,
    repeatable: true,
  }),
  revokeToken: operation({
    method: 'DELETE',
    path: '/tokens/{id}',
    summary: 'Ends an access token',
    access: 'admin',
    problems: ['absent'],
    ...byId,
  }),
  listKeys: operation({
    method: 'GET',
    path: '/keys',
    summary: 'The keys that sign bearer tokens, the newest first',
    access: 'admin',
    result: named('SigningKeys', z.object({ items: z.array(key) })),
  }),
  rotateKeys: operation({
    method: 'POST',
    path: '/keys/rotation',
    summary: 'Signs with a new key, and removes those that nothing needs any more',
    access: 'admin',
    body: named(
      'KeyRotation',
      z.strictObject({
        now: z.boolean().optional().describe('Removes all others at once: everybody has to log in again.'),
      }),
    ),
    status: 201,
    result: named('RotatedKeys', z.object({ created: z.string(), removed: z.array(z.string()) })),
    repeatable: true,
  }),
};

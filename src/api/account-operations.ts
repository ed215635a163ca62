import { z } from 'zod';
import { operation } from './operation.js';
import { wishedGrant, localName, named, pageOf, paging, seconds, time } from './shapes.js';

const userFields = {
  name: localName(),
  createdAt: time(),
  admin: z.boolean().describe('May do everything everywhere.'),
  groups: z.array(z.string()),
  disabled: z.boolean().describe('Keeps all it has and may do nothing.'),
};
const user = named('User', z.object(userFields));
/** A password that was made is told this once. */
const madePassword = { password: z.string().optional().describe('Where one was made; shown only once.') };
const userWithPassword = named('UserWithPassword', z.object({ ...userFields, ...madePassword }));
const robot = named(
  'Robot',
  z.object({ name: localName(), createdAt: time(), disabled: userFields.disabled }),
);

const newUser = named(
  'NewUser',
  z.strictObject({
    name: localName(),
    password: z.string().optional().describe('Without it there are only logins by access token.'),
    makePassword: z.boolean().optional().describe('Makes a password and tells it this once.'),
    admin: z.boolean().optional(),
    groups: z.array(z.string()).optional(),
  }),
);
const userChanges = named(
  'UserChanges',
  newUser.omit({ name: true }).extend({ disabled: z.boolean().optional() }),
);
const newRobot = named(
  'NewRobot',
  z.strictObject({
    name: localName(),
    grants: z.array(wishedGrant).max(1000).optional(),
    expiresIn: seconds()
      .min(1)
      .optional()
      .describe('Seconds that the access token is good for; else for ever.'),
  }),
);
export const issuedFields = {
  id: z.string(),
  secret: z.string().describe('Shown only once.'),
  expiresAt: time().optional(),
};
const createdRobot = named('CreatedRobot', z.object({ name: localName(), ...issuedFields }));
const group = named(
  'Group',
  z.object({ name: localName(), members: z.array(z.string()).describe('Users.') }),
);

const byName = { params: z.strictObject({ name: localName() }) };
const member = z.strictObject({ group: localName(), user: localName() });

export const accountOperations = {
  listUsers: operation({
    method: 'GET',
    path: '/users',
    summary: 'The users of the store, by name',
    access: 'admin',
    query: z.strictObject(paging),
    result: pageOf('UserPage', user),
  }),
  createUser: operation({
    method: 'POST',
    path: '/users',
    summary: 'Makes a user',
    access: 'admin',
    problems: ['exists'],
    body: newUser,
    status: 201,
    result: userWithPassword,
    versioned: 'answers',
    repeatable: true,
  }),
  getUser: operation({
    method: 'GET',
    path: '/users/{name}',
    summary: 'A user',
    access: 'admin',
    problems: ['absent'],
    ...byName,
    result: user,
    versioned: 'answers',
  }),
  updateUser: operation({
    method: 'PATCH',
    path: '/users/{name}',
    summary: 'Changes what is given of a user; another password ends the logins by the old one',
    access: 'admin',
    problems: ['absent'],
    ...byName,
    body: userChanges,
    result: userWithPassword,
    versioned: 'requires',
  }),
  deleteUser: operation({
    method: 'DELETE',
    path: '/users/{name}',
    summary: 'Removes a user with its access tokens and grants',
    access: 'admin',
    problems: ['absent'],
    ...byName,
    versioned: 'compares',
  }),
  listRobots: operation({
    method: 'GET',
    path: '/robots',
    summary: 'The robots, by name',
    access: 'admin',
    query: z.strictObject(paging),
    result: pageOf('RobotPage', robot),
  }),
  createRobot: operation({
    method: 'POST',
    path: '/robots',
    summary: 'Makes a robot with its grants and one access token',
    access: 'admin',
    problems: ['exists'],
    body: newRobot,
    status: 201,
    result: createdRobot,
    repeatable: true,
  }),
  getRobot: operation({
    method: 'GET',
    path: '/robots/{name}',
    summary: 'A robot',
    access: 'admin',
    problems: ['absent'],
    ...byName,
    result: robot,
    versioned: 'answers',
  }),
  updateRobot: operation({
    method: 'PATCH',
    path: '/robots/{name}',
    summary: 'Disables or enables a robot',
    access: 'admin',
    problems: ['absent'],
    ...byName,
    body: named('RobotChanges', z.strictObject({ disabled: z.boolean().optional() })),
    result: robot,
    versioned: 'requires',
  }),
  deleteRobot: operation({
    method: 'DELETE',
    path: '/robots/{name}',
    summary: 'Removes a robot with its access tokens and grants',
    access: 'admin',
    problems: ['absent'],
    ...byName,
    versioned: 'compares',
  }),
  listGroups: operation({
    method: 'GET',
    path: '/groups',
    summary: 'The groups that users of the store are in, by name',
    access: 'admin',
    query: z.strictObject(paging),
    result: pageOf('GroupPage', group),
  }),
  addMember: operation({
    method: 'PUT',
    path: '/groups/{group}/members/{user}',
    summary: 'Puts a user into a group',
    access: 'admin',
    problems: ['absent'],
    params: member,
  }),
  removeMember: operation({
    method: 'DELETE',
    path: '/groups/{group}/members/{user}',
    summary: 'Takes a user out of a group',
    access: 'admin',
    problems: ['absent'],
    params: member,
  }),
};

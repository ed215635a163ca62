import type { accountOperations } from '../../api/account-operations.js';
import { AdminError } from '../admin-error.js';
import type { AdminServices } from '../admin-services.js';
import type { AccountName } from '../existing-principal.js';
import { grantOf, grantText } from './grant-values.js';
import type { AuditFacts, Handlers } from './handler.js';
import { pageRequest } from './paging.js';

export const accountHandlers: Handlers<keyof typeof accountOperations> = {
  listUsers: { run: ({ directory }, { query }) => directory.page('user', pageRequest(query)) },
  createUser: {
    run: async (services, { body }) => {
      const { name, admin, groups } = body;
      const { password, told } = passwordIn(services, body);
      await services.accounts.createUser(name, { password, admin, groups });
      return { ...(await services.accounts.find(user(name))), ...told };
    },
    audit: {
      action: 'user.create',
      facts: ({ body: { name, ...more } }) => ({ target: `user:${name}`, ...changesIn(more) }),
    },
  },
  getUser: { run: ({ accounts }, { params }) => accounts.find(user(params.name)) },
  updateUser: {
    run: async (services, { params, body, version }) => {
      const { admin, groups, disabled } = body;
      const { password, told } = passwordIn(services, body);
      const changes = { password, admin, groups, disabled };
      return { ...(await services.accounts.update(user(params.name), changes, version)), ...told };
    },
    audit: {
      action: 'user.update',
      facts: ({ params, body }) => ({ target: `user:${params.name}`, ...changesIn(body) }),
    },
  },
  deleteUser: {
    run: ({ accounts }, { params, version }) => accounts.remove(user(params.name), version).then(nothing),
    audit: { action: 'user.delete', facts: ({ params }) => ({ target: `user:${params.name}` }) },
  },
  listRobots: { run: ({ directory }, { query }) => directory.page('robot', pageRequest(query)) },
  createRobot: {
    run: async ({ accounts }, { body: { name, grants = [], expiresIn } }) => {
      const wish = expiresIn === undefined ? {} : { lifetime: expiresIn * 1000 };
      return { name, ...(await accounts.createRobot(name, grants.map(grantOf), wish)) };
    },
    audit: {
      action: 'robot.create',
      facts: ({ body: { name, grants = [] } }, made) => ({
        target: `robot:${name}`,
        detail: [...grants.map(grantText), ...(made ? [`token ${made.id}`] : [])].join('; '),
      }),
    },
  },
  getRobot: { run: ({ accounts }, { params }) => accounts.find(robot(params.name)) },
  updateRobot: {
    run: ({ accounts }, { params, body, version }) => accounts.update(robot(params.name), body, version),
    audit: {
      action: 'robot.update',
      facts: ({ params, body }) => ({ target: `robot:${params.name}`, ...changesIn(body) }),
    },
  },
  deleteRobot: {
    run: ({ accounts }, { params, version }) => accounts.remove(robot(params.name), version).then(nothing),
    audit: { action: 'robot.delete', facts: ({ params }) => ({ target: `robot:${params.name}` }) },
  },
  listGroups: { run: ({ directory }, { query }) => directory.groups(pageRequest(query)) },
  addMember: {
    run: ({ accounts }, { params }) => accounts.addMember(params.group, params.user).then(nothing),
    audit: {
      action: 'user.update',
      facts: ({ params }) => ({ target: `user:${params.user}`, detail: `into the group ${params.group}` }),
    },
  },
  removeMember: {
    run: ({ accounts }, { params }) => accounts.removeMember(params.group, params.user).then(nothing),
    audit: {
      action: 'user.update',
      facts: ({ params }) => ({ target: `user:${params.user}`, detail: `out of the group ${params.group}` }),
    },
  },
};

function user(name: string): AccountName {
  return { kind: 'user', name };
}

function robot(name: string): AccountName {
  return { kind: 'robot', name };
}

function nothing(): undefined {
  return undefined;
}

interface PasswordWish {
  readonly password?: string | undefined;
  readonly makePassword?: boolean | undefined;
}

/** The password that is given, or one that is made and told. @throws AdminError */
function passwordIn(
  { accounts }: AdminServices,
  { password: given, makePassword = false }: PasswordWish,
): { readonly password?: string | undefined; readonly told: { readonly password?: string } } {
  if (!makePassword) return { password: given, told: {} };
  if (given !== undefined) throw new AdminError('invalid', 'give password or makePassword, not both');
  const password = accounts.newPassword();
  return { password, told: { password } };
}

interface Changes {
  readonly password?: string | undefined;
  readonly makePassword?: boolean | undefined;
  readonly admin?: boolean | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly disabled?: boolean | undefined;
}

/** Never a password. */
function changesIn({ password, makePassword, admin, groups, disabled }: Changes): AuditFacts {
  const texts = [
    ...(password !== undefined || makePassword === true ? ['password'] : []),
    ...(admin === undefined ? [] : [`admin ${admin ? 'on' : 'off'}`]),
    ...(groups === undefined ? [] : [`groups ${groups.join(',') || 'none'}`]),
    ...(disabled === undefined ? [] : [disabled ? 'disabled' : 'enabled']),
  ];
  return texts.length === 0 ? {} : { detail: texts.join('; ') };
}

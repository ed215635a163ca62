import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { openAccess } from '../../src/auth/open-access.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import type { Action } from '../../src/domain/scope.js';
import { RegistryError } from '../../src/errors/registry-error.js';
import { MirrorAccess } from '../../src/mirror/mirror-access.js';
import type { AccessController, AccessNeeds } from '../../src/ports/access.js';

function requestOf(method: string): IncomingMessage {
  return Object.assign(new IncomingMessage(new Socket()), { method });
}

function needs(name: string, ...actions: readonly Action[]): AccessNeeds {
  return { scopes: [{ type: 'repository', name: parseRepositoryName(name), actions }] };
}

const BELOW = 'mirror/docker.io/library/x';

describe('mirror/mirror-access', () => {
  const requireOwn = async (name: string): Promise<void> => {
    if (name.startsWith('mirror/docker.io/')) throw new RegistryError('UNSUPPORTED', `${name} is taken`);
  };
  const access = new MirrorAccess(openAccess, { requireOwn });
  const authorize = async (method: string, wanted: AccessNeeds) =>
    access.authorize(requestOf(method), wanted);

  for (const [method, actions] of [
    ['PUT', ['pull', 'push']],
    ['POST', ['pull', 'push']],
    ['PATCH', ['pull', 'push']],
    ['DELETE', ['delete']],
  ] as const) {
    it(`refuses ${method} below mirror/ and nowhere else`, async () => {
      await assert.rejects(authorize(method, needs(BELOW, ...actions)), (error) => {
        assert.ok(error instanceof RegistryError);
        assert.deepEqual([error.status, error.code], [405, 'UNSUPPORTED']);
        return true;
      });
      for (const other of ['library/x', 'mirror', 'team/mirror/x', 'mirror/own/x']) {
        assert.equal((await authorize(method, needs(other, ...actions))).subject, '');
      }
    });
  }

  it('lets everything be read', async () => {
    for (const method of ['GET', 'HEAD']) assert.ok(await authorize(method, needs(BELOW, 'pull')));
    assert.ok(await authorize('GET', needs(BELOW, 'pull', 'push')));
    assert.ok(await authorize('GET', { scopes: [{ type: 'registry', name: 'catalog', actions: ['*'] }] }));
  });

  it('lets content be mounted from below mirror/', async () => {
    const mount = { ...needs('team/x', 'pull', 'push'), wished: needs(BELOW, 'pull').scopes };
    assert.ok(await authorize('POST', mount));
  });

  it('tells nobody more than whether they may who may not', async () => {
    const denied: AccessController = {
      authorize: async () => {
        throw new RegistryError('UNAUTHORIZED');
      },
    };
    const asked = new MirrorAccess(denied, { requireOwn }).authorize(requestOf('PUT'), needs(BELOW, 'push'));
    await assert.rejects(async () => asked, { code: 'UNAUTHORIZED' });
  });
});

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { openApiDocument } from '../../../src/api/openapi.js';
import { API_PREFIX, OPERATIONS } from '../../../src/api/operations.js';
import type { Operation } from '../../../src/api/operation.js';
import { projectRoot } from '../../support/project.js';
import { onStore } from '../../support/in-process.js';
import { Client } from '../client.js';

describe('the OpenAPI document', () => {
  it('has nothing that a linter minds', async () => {
    const config = await createConfig({ extends: ['recommended-strict'] });
    const source = JSON.stringify(openApiDocument('1.2.3'));
    const problems = await lintFromString({ source, absoluteRef: 'openapi.json', config });
    assert.deepEqual(
      problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`),
      [],
    );
  });

  it('has every operation, and nothing else', () => {
    const { paths } = openApiDocument('1.2.3') as {
      paths: Record<string, Record<string, { operationId: string }>>;
    };
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(
        ([method, { operationId }]) => `${operationId} ${method.toUpperCase()} ${path}`,
      ),
    );
    const operations = Object.entries<Operation>(OPERATIONS).map(
      ([id, { method, path }]) => `${id} ${method} ${API_PREFIX}${path}`,
    );
    assert.deepEqual(described.sort(), operations.sort());
  });

  it('is the one that stands in docs/openapi.json', async () => {
    const read = async (file: string) =>
      JSON.parse(await readFile(join(projectRoot, file), 'utf8')) as unknown;
    const { version } = (await read('package.json')) as { version: string };
    const made: unknown = JSON.parse(JSON.stringify(openApiDocument(version)));
    assert.deepEqual(made, await read('docs/openapi.json'), 'run npm run docs');
  });

  onStore(
    'memory',
    (bench) => {
      it('is served to everybody', async () => {
        const answer = (await new Client(bench().node).get(`${API_PREFIX}/openapi.json`)).expect(200);
        const { info, ...rest } = answer.json() as { info: { version: string } };
        assert.deepEqual({ info, ...rest }, JSON.parse(JSON.stringify(openApiDocument(info.version))));
      });
    },
    { logins: {}, admin: {} },
  );
});

import { z } from 'zod';
import { isVersionAnswered } from './operation.js';
import type { Operation } from './operation.js';
import { API_PREFIX, OPERATIONS } from './operations.js';
import { PROBLEMS, PROBLEM_TYPE, problemShape } from './problem.js';
import type { ProblemCode } from './problem.js';
import { namedShapes } from './shapes.js';

type Json = { [name: string]: unknown };

const SHAPE_REF = '#/components/schemas/';
const TAGS: Readonly<Record<string, string>> = {
  users: 'Users',
  robots: 'Robots',
  groups: 'Groups',
  grants: 'Grants',
  explanation: 'Grants',
  tokens: 'Access tokens',
  keys: 'Signing keys',
  repositories: 'Repositories',
  usage: 'Repositories',
  audit: 'Audit',
  mirror: 'Mirror',
};

/** The OpenAPI 3.1 document of the admin API. */
export function openApiDocument(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const [id, operation] of Object.entries<Operation>(OPERATIONS)) {
    const path = `${API_PREFIX}${operation.path}`;
    paths[path] = { ...paths[path], [operation.method.toLowerCase()]: operationObject(id, operation) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Stackyard admin API',
      version,
      description:
        'Accounts, rights, images and the audit trail of a Stackyard registry. Within /admin/v1 operations, members and kinds of problems are only ever added: ignore what you do not know.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'The registry itself' }],
    security: [{ basic: [] }, { accessToken: [] }],
    tags: [...new Set(['Server', ...Object.values(TAGS)])].map((name) => ({
      name,
      description: `${name} of the registry`,
    })),
    paths,
    components: {
      schemas: shapes(),
      securitySchemes: {
        basic: { type: 'http', scheme: 'basic', description: 'A user with password or access token.' },
        accessToken: {
          type: 'http',
          scheme: 'bearer',
          description: 'The secret of an access token, `sy_…`.',
        },
      },
    },
  };
}

/** Every kind of problem that an operation may answer. */
export function problemsOf(operation: Operation): readonly ProblemCode[] {
  const { access, body, versioned, repeatable, upload, problems } = operation;
  const when: readonly (readonly [boolean, readonly ProblemCode[]])[] = [
    [true, ['invalid-request', 'not-permitted', ...problems]],
    [access !== 'none', ['login-required', 'too-many-requests', 'internal', 'unavailable']],
    [hasBody(body), ['too-large', 'wrong-media-type', 'late']],
    [upload === true, ['too-large', 'wrong-media-type', 'invalid-archive']],
    [versioned === 'requires' || versioned === 'compares', ['stale']],
    [versioned === 'requires', ['version-required']],
    [repeatable === true, ['key-used', 'conflict']],
  ];
  return [...new Set(when.flatMap(([applies, codes]) => (applies ? codes : [])))];
}

function operationObject(id: string, operation: Operation): Json {
  const { path, summary, access, params, query, body, upload } = operation;
  const [, section = ''] = path.split('/');
  const parameters = [
    ...parametersIn('path', params),
    ...parametersIn('query', query),
    ...headerParameters(operation),
  ];
  return {
    operationId: id,
    summary,
    description: `Needs ${neededFor(access)}.`,
    tags: [TAGS[section] ?? 'Server'],
    ...(access === 'none' && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(hasBody(body) && {
      requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body, 'input') } } },
    }),
    ...(upload === true && { requestBody: archiveForm() }),
    responses: responsesOf(operation),
  };
}

function responsesOf(operation: Operation): Json {
  const { status, result, download } = operation;
  const content =
    download !== undefined ? downloadContent(download) : hasBody(result) ? jsonContent(result) : undefined;
  const success = {
    description: status === 201 ? 'Made' : status === 204 ? 'Done' : 'The answer',
    ...(isVersionAnswered(operation) && {
      headers: { ETag: { description: 'Its version.', schema: { type: 'string' } } },
    }),
    ...(content && { content }),
  };
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of problemsOf(operation)) {
    const { status: problemStatus } = PROBLEMS[code];
    byStatus.set(problemStatus, [...(byStatus.get(problemStatus) ?? []), code]);
  }
  const problems = [...byStatus].map(([problemStatus, codes]) => [
    String(problemStatus),
    {
      description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title.toLowerCase()}`).join('; '),
      content: { [PROBLEM_TYPE]: { schema: schemaOf(problemShape, 'output') } },
    },
  ]);
  return { [String(status)]: success, ...Object.fromEntries(problems) } as Json;
}

function jsonContent(result: z.ZodType): Json {
  return { 'application/json': { schema: schemaOf(result, 'output') } };
}

function downloadContent(type: string): Json {
  return { [type]: { schema: type === 'application/json' ? { type: 'object' } : { type: 'string' } } };
}

function archiveForm(): Json {
  const schema = {
    type: 'object',
    properties: { archive: { type: 'string', contentMediaType: 'application/octet-stream' } },
    required: ['archive'],
  };
  return { required: true, content: { 'multipart/form-data': { schema } } };
}

function parametersIn(place: 'path' | 'query', shape: z.ZodType): Json[] {
  const { properties = {}, required = [] } = plain(z.toJSONSchema(shape, { io: 'output' })) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: place,
    ...(place === 'path' || required.includes(name) ? { required: true } : {}),
    ...(description !== undefined && { description }),
    schema,
  }));
}

function headerParameters({ versioned, repeatable }: Operation): Json[] {
  const header = (name: string, description: string, required: boolean): Json => ({
    name,
    in: 'header',
    ...(required && { required }),
    description,
    schema: { type: 'string' },
  });
  return [
    ...(versioned === 'requires'
      ? [header('If-Match', 'The ETag that is to be changed, or `*`.', true)]
      : []),
    ...(versioned === 'compares' ? [header('If-Match', 'The ETag that is to be removed.', false)] : []),
    ...(repeatable === true
      ? [
          header(
            'Idempotency-Key',
            '16 to 255 characters, such as a UUID: the same request sent again within a day gets the same answer.',
            false,
          ),
        ]
      : []),
  ];
}

function neededFor(access: Operation['access']): string {
  if (access === 'none') return 'no login';
  if (access === 'known') return 'a login';
  if (access === 'admin') return 'an admin';
  return `${access.join(' and ')} in the repository`;
}

function hasBody(shape: z.ZodType): boolean {
  return !(shape instanceof z.ZodUndefined);
}

function schemaOf(shape: z.ZodType, io: 'input' | 'output'): Json {
  const { id } = namedShapes.get(shape) ?? {};
  return id === undefined ? plain(z.toJSONSchema(shape, { io })) : { $ref: `${SHAPE_REF}${id}` };
}

/** Of answers other members may come: only what is asked is closed. */
function shapes(): Json {
  const { schemas } = z.toJSONSchema(namedShapes, {
    uri: (id) => `${SHAPE_REF}${id}`,
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod;
      if (def.type === 'object' && (def as z.core.$ZodObjectDef).catchall === undefined)
        delete jsonSchema.additionalProperties;
    },
  });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, plain(schema)]));
}

function plain({ $schema: _schema, $id: _id, ...schema }: z.core.JSONSchema.BaseSchema): Json {
  return schema;
}

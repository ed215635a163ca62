import type { OutgoingHttpHeaders } from 'node:http';
import { API_PREFIX, OPERATIONS } from '../../../src/api/operations.js';
import type { OperationId } from '../../../src/api/operations.js';
import type { Operation } from '../../../src/api/operation.js';
import type { Bench, RegistryNode } from '../../support/in-process.js';
import { addUser, administrationOf, basic, pushClient } from '../access/logins.js';
import type { Administration } from '../access/logins.js';
import { Client } from '../client.js';
import type { Answer } from '../client.js';
import { EMPTY_JSON, bytesOf, imageOf, jsonContent } from '../content.js';
import { ApiDocument } from './api-document.js';

/** What an operation is asked in a test. */
export interface Asked {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: unknown;
  /** The file of an upload. */
  readonly archive?: Buffer;
  readonly headers?: OutgoingHttpHeaders;
}

export const LAYER = bytesOf(100, 7);
export const CONFIG = Buffer.from(
  JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } }),
);
export const IMAGE = imageOf([LAYER]);
export const SIGNATURE = jsonContent(IMAGE.mediaType, {
  schemaVersion: 2,
  mediaType: IMAGE.mediaType,
  artifactType: 'application/vnd.example.signature',
  config: {
    mediaType: 'application/vnd.oci.empty.v1+json',
    digest: `sha256:${'44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'}`,
    size: 2,
  },
  layers: [],
  subject: { mediaType: IMAGE.mediaType, digest: IMAGE.digest, size: IMAGE.bytes.byteLength },
});

const DOCUMENT = new ApiDocument();

/** Asks operations of a node, and holds each answer against the OpenAPI document. */
export class AdminClient {
  constructor(
    readonly node: RegistryNode,
    private readonly headers: OutgoingHttpHeaders,
  ) {}

  async ask(id: OperationId, asked: Asked = {}): Promise<Answer> {
    const { method } = OPERATIONS[id] as Operation;
    const { headers, body } = bodyOf(asked);
    const answer = await new Client(this.node).call(method, pathOf(id, asked), {
      headers: { ...this.headers, ...headers, ...asked.headers },
      ...(body !== undefined && { body }),
    });
    DOCUMENT.check(id, answer);
    return answer;
  }

  /** What a successful answer holds. */
  async value<T>(id: OperationId, asked: Asked = {}): Promise<T> {
    return (await this.ask(id, asked)).expect((OPERATIONS[id] as Operation).status).json() as T;
  }
}

export function pathOf(id: OperationId, { params = {}, query = {} }: Asked): string {
  const path = (OPERATIONS[id] as Operation).path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? ''),
  );
  const search = new URLSearchParams();
  for (const [name, values] of Object.entries(query)) {
    for (const value of Array.isArray(values) ? (values as readonly string[]) : [values as string])
      search.append(name, value);
  }
  const text = search.toString();
  return `${API_PREFIX}${path}${text === '' ? '' : `?${text}`}`;
}

const BOUNDARY = 'a-boundary';

function bodyOf({ body, archive }: Asked): { headers: OutgoingHttpHeaders; body?: Buffer } {
  if (archive !== undefined) {
    const head = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="archive"; filename="a.tar"\r\ncontent-type: application/x-tar\r\n\r\n`;
    return {
      headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
      body: Buffer.concat([Buffer.from(head), archive, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]),
    };
  }
  if (body === undefined) return { headers: {} };
  return { headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) };
}

/** A node with users, a robot and an image in `team/app` that has a tag and a signature. */
export class AdminWorld {
  private constructor(
    readonly bench: Bench,
    readonly administration: Administration,
    readonly robotToken: { readonly id: string; readonly secret: string },
    readonly grantId: string,
  ) {}

  static async make(bench: Bench): Promise<AdminWorld> {
    const { node, store } = bench;
    const administration = administrationOf(store);
    await administration.accounts.createUser('root', { password: 'correct horse', admin: true });
    await addUser(administration, 'alice', ['team/**', 'pull']);
    await addUser(administration, 'nobody');
    await administration.accounts.addMember('devs', 'alice');
    const robotToken = await administration.accounts.createRobot('ci', [], {});
    const client = await pushClient(node, 'root', 'team/app');
    await client.pushBlob('team/app', LAYER);
    await client.pushBlob('team/app', EMPTY_JSON);
    await client.pushManifest('team/app', 'v1', IMAGE);
    await client.pushManifest('team/app', SIGNATURE.digest, SIGNATURE);
    const { items } = await administration.permissions.page({ kind: 'user', name: 'alice' }, { limit: 1 });
    return new AdminWorld(bench, administration, robotToken, items[0]?.id ?? '');
  }

  as(user: string, secret?: string): AdminClient {
    return new AdminClient(this.bench.node, basic(user, secret));
  }

  get root(): AdminClient {
    return this.as('root');
  }
}

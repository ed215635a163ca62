import assert from 'node:assert/strict';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { openApiDocument } from '../../../src/api/openapi.js';
import { API_PREFIX, OPERATIONS } from '../../../src/api/operations.js';
import type { OperationId } from '../../../src/api/operations.js';
import type { Operation } from '../../../src/api/operation.js';
import type { Answer } from '../client.js';

interface Responses {
  readonly [status: string]: {
    readonly content?: Readonly<Record<string, { readonly schema: object }>>;
    readonly headers?: object;
  };
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: Responses }>>>>;
}

/** What the OpenAPI document says, held against answers by a validator of JSON Schema that is not ours. */
export class ApiDocument {
  private readonly ajv = new Ajv2020({ strict: true, strictRequired: false, allErrors: false });
  private readonly compiled = new Map<string, ValidateFunction>();

  constructor(private readonly document = openApiDocument('1.2.3') as object as Document) {
    addFormats.default(this.ajv);
    // Answers may get more members later; here each must be one that is declared.
    this.ajv.addSchema(closed(document), 'api');
    this.ajv.addVocabulary(['openapi', 'info', 'servers', 'security', 'tags', 'paths', 'components']);
  }

  /** Fails unless the document declares such an answer. */
  check(id: OperationId, answer: Answer): void {
    const { method, path } = OPERATIONS[id] as Operation;
    const where = ['paths', `${API_PREFIX}${path}`, method.toLowerCase(), 'responses', String(answer.status)];
    const { responses } = this.document.paths[where[1] ?? '']?.[where[2] ?? ''] ?? {};
    const declared = responses?.[answer.status];
    const text = answer.body.toString().slice(0, 500);
    assert.ok(declared, `${id} answers ${answer.status}, which the document does not declare: ${text}`);
    if (declared.content === undefined) return assert.equal(text, '', id);
    const type = String(answer.headers['content-type']).replace(/;.*/, '');
    assert.ok(declared.content[type], `${id} answers ${type}, which the document does not declare`);
    if (declared.headers !== undefined) assert.ok(answer.headers.etag, `${id} answers without ETag`);
    if (!type.endsWith('json') || type.endsWith('ndjson')) return;
    const validate = this.validatorOf([...where, 'content', type, 'schema']);
    assert.ok(validate(answer.json()), `${id}: ${this.ajv.errorsText(validate.errors)} in ${text}`);
  }

  private validatorOf(where: readonly string[]): ValidateFunction {
    const pointer = where.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/');
    const known = this.compiled.get(pointer);
    if (known !== undefined) return known;
    const compiled = this.ajv.compile({ $ref: `api#/${encodeURI(pointer)}` });
    this.compiled.set(pointer, compiled);
    return compiled;
  }
}

/** With no member beyond those that are declared. */
function closed<T>(value: T): T {
  if (Array.isArray(value)) return value.map(closed) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, member]) => [name, closed(member as unknown)]);
  const copy = Object.fromEntries(entries) as Record<string, unknown>;
  if (copy['type'] === 'object' && 'properties' in copy) copy['additionalProperties'] ??= false;
  return copy as T;
}

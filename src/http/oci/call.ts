import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RepositoryName } from '../../domain/repository-name.js';
import type { Caller } from '../../ports/access.js';
import type { ServedRegistry } from '../../registry/registry.js';
import type { BufferBudget } from '../buffer-budget.js';
import { RequestBody } from '../request-body.js';

/** What operators may set of the API's behaviour. */
export interface OciOptions {
  /** Whether DELETE is offered. */
  readonly delete: boolean;
  /** Bytes. */
  readonly maxManifestBytes: number;
  readonly maxTagsPerPut: number;
  readonly maxPageSize: number;
  /** Until when the URL holds by which this client reads a blob from the store itself; without it none does. */
  readonly redirect?: (name: RepositoryName, request: IncomingMessage) => Date | undefined;
}

const resolved = (): Promise<void> => Promise.resolve();

/** One request of the registry API, taken apart and allowed. */
export class OciCall {
  /** Of the manifest that the request turned out to be about. */
  digest: string | undefined;
  /** To be awaited once a deletion is done, before it is answered. */
  beforeAnswer: () => Promise<void> = resolved;
  private parsedQuery: URLSearchParams | undefined;

  constructor(
    readonly req: IncomingMessage,
    readonly res: ServerResponse,
    readonly registry: ServedRegistry,
    readonly options: OciOptions,
    readonly buffers: BufferBudget,
    readonly caller: Caller,
    private readonly repository: RepositoryName | undefined,
    /** The last component of the path. */
    readonly target: string,
    private readonly search: string,
    private readonly asked = repository,
  ) {}

  /** The repository; only for paths that have one. */
  get name(): RepositoryName {
    return required(this.repository);
  }

  /** What the client calls it. */
  get askedName(): RepositoryName {
    return required(this.asked);
  }

  get query(): URLSearchParams {
    this.parsedQuery ??= new URLSearchParams(this.search);
    return this.parsedQuery;
  }

  body(): RequestBody {
    return new RequestBody(this.req, this.res);
  }
}

function required(name: RepositoryName | undefined): RepositoryName {
  if (name === undefined) throw new Error('this path names no repository');
  return name;
}

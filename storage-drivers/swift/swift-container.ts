import type { IncomingHttpHeaders } from 'node:http';
import { StorageError } from '../../src/ports/storage-driver.js';
import { publicReaders } from './read-acl.js';
import type { SwiftClient } from './swift-client.js';
import { swiftFailure } from './swift-failure.js';
import type { SwiftInfo } from './swift-info.js';
import { readInfo } from './swift-info.js';

/** Milliseconds after which the container is looked at again. */
const LOOK_EVERY = 60_000;

/**
 * Opens the container, makes it where there is none, and refuses one that others may read; from then on it is looked
 * at every minute, so that one that vanishes or is opened to others is noticed.
 */
export class SwiftContainer {
  /** Known once the container is open. */
  private info: SwiftInfo | undefined;
  private refusal: ContainerRefused | undefined;
  private opening: Promise<SwiftInfo> | undefined;
  private readonly stop: () => void;

  constructor(
    private readonly client: SwiftClient,
    private readonly options: {
      readonly storagePolicy?: string | undefined;
      /** Whether an ACL's element without a colon is a role of the own project, as Keystone has it. */
      readonly isKeystone: boolean;
      readonly projectName?: string | undefined;
    },
  ) {
    this.stop = client.parts.clock.every(LOOK_EVERY, () => this.lookAgain());
  }

  /** The limits of the Swift that keeps it. @throws StorageError UNAVAILABLE that names the fix */
  async open(signal?: AbortSignal): Promise<SwiftInfo> {
    if (this.refusal !== undefined) throw this.refusal;
    if (this.info !== undefined) return this.info;
    signal?.throwIfAborted();
    this.opening ??= this.look().finally(() => (this.opening = undefined));
    return this.opening;
  }

  close(): void {
    this.stop();
  }

  /** An outage says nothing of the container: what was known of it stays known. */
  private lookAgain(): void {
    if (this.info === undefined) return;
    this.requireOurs().then(
      () => (this.refusal = undefined),
      (error: unknown) => {
        if (error instanceof ContainerRefused) this.refusal = error;
      },
    );
  }

  private async look(): Promise<SwiftInfo> {
    const info = await readInfo(this.client);
    await this.requireOurs();
    return (this.info = info);
  }

  private async requireOurs(): Promise<void> {
    // One 404 may be a replica that does not know it yet.
    const headers = (await this.head()) ?? (await this.head()) ?? (await this.create());
    const { storageUrl } = await this.client.parts.tokens.access();
    const { container } = this.client.parts;
    const readers = publicReaders(headers['x-container-read']?.toString() ?? '', {
      account: storageUrl.pathname.replace(/\/$/, '').split('/').at(-1) ?? '',
      ...this.options,
    });
    if (readers.length > 0) {
      throw new ContainerRefused(
        `the container ${container} may be read by ${readers.join(', ')} (X-Container-Read); ` +
          `take that away: swift post --read-acl '' ${container}`,
      );
    }
  }

  private async head(): Promise<IncomingHttpHeaders | undefined> {
    const { status, headers } = await this.client.sendForHead({ method: 'HEAD' });
    if (status === 404) return undefined;
    if (status !== 204 && status !== 200) throw swiftFailure(this.client.nameOf({ method: 'HEAD' }), status);
    return headers;
  }

  private async create(): Promise<IncomingHttpHeaders> {
    if (this.info !== undefined) {
      throw new ContainerRefused(
        `the container ${this.client.parts.container} is gone, with all that it held; restore it, or restart to begin anew`,
      );
    }
    const { storagePolicy } = this.options;
    const { status } = await this.client.sendForHead({
      method: 'PUT',
      headers: storagePolicy === undefined ? {} : { 'X-Storage-Policy': storagePolicy },
    });
    if (status !== 201 && status !== 202) {
      throw status === 400 && storagePolicy !== undefined
        ? new ContainerRefused(
            `Swift has no storage policy ${storagePolicy}; correct storage.swift.storagePolicy`,
          )
        : swiftFailure(this.client.nameOf({ method: 'PUT' }), status);
    }
    return (await this.head()) ?? {};
  }
}

/** The container is there, or is gone for good, and cannot be used until somebody mends it. */
class ContainerRefused extends StorageError {
  constructor(message: string) {
    super('UNAVAILABLE', message, { retryAfter: 60 });
  }
}

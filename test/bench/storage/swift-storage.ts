import { randomUUID } from 'node:crypto';
import { BareSwift } from './bare-swift.js';
import type { BenchStorage, Place, Scale, ServiceSeconds } from './bench-storage.js';
import { SwiftContainer } from './swift-container.js';
import { SwiftService } from './swift-service.js';

/** One Swift with a container for each server and one for bare requests. */
export class SwiftStorage implements BenchStorage {
  readonly title = 'Swift';
  /** With the repository that blobs are mounted from, a catalog of 12. */
  readonly scale: Scale = {
    repositories: 11,
    manifestsPerRepository: 10,
    tags: 0, // long lists are not measured here
    catalogRepositories: 0,
  };
  readonly bare: BareSwift;

  private constructor(
    private readonly service: SwiftService,
    private readonly containers: Readonly<Record<'ours' | 'peer' | 'bare', string>>,
    bare: SwiftContainer,
  ) {
    this.bare = new BareSwift(bare);
  }

  static async open(directory: string): Promise<SwiftStorage> {
    const service = await SwiftService.open(directory);
    try {
      const name = `bench-${randomUUID()}`;
      const containers = { ours: `${name}-ours`, peer: `${name}-peer`, bare: `${name}-bare` };
      const bare = await SwiftContainer.open(service.login, containers.bare);
      await bare.create();
      return new SwiftStorage(service, containers, bare);
    } catch (error) {
      await service.close();
      throw error;
    }
  }

  ours({ redirects }: Place): Readonly<Record<string, string>> {
    return {
      ...this.service.login,
      STACKYARD_STORAGE_DRIVER: 'swift',
      STACKYARD_STORAGE_SWIFT_CONTAINER: this.containers.ours,
      STACKYARD_STORAGE_SWIFT_REDIRECT_ENABLED: String(redirects),
    };
  }

  /** Without the health check that is shipped: it would ask Swift on the account of whoever is measured. */
  peer({ redirects }: Place): Readonly<Record<string, object>> {
    const { ST_AUTH, ST_USER, ST_KEY } = this.service.login;
    return {
      storage: {
        cache: { blobdescriptor: 'inmemory' },
        swift: {
          authurl: ST_AUTH,
          authversion: 1,
          username: ST_USER,
          password: ST_KEY,
          container: this.containers.peer,
        },
        delete: { enabled: true },
        redirect: { disable: !redirects },
      },
    };
  }

  async cpuSeconds(): Promise<ServiceSeconds> {
    return this.service.cpuSeconds();
  }

  async close(): Promise<void> {
    try {
      // a Swift of our own goes as a whole
      for (const name of this.service.isOwn ? [] : Object.values(this.containers)) {
        await (await SwiftContainer.open(this.service.login, name)).remove();
      }
    } finally {
      await this.service.close();
    }
  }
}

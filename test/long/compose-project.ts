import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from 'mocha';
import { startDockerDaemon, type DockerDaemon } from '../support/daemon.js';
import { projectRoot } from '../support/project.js';
import { requireRoot, requireTool } from '../support/requirement.js';
import { runTool } from '../support/tool.js';
import { makeBaseImages } from './base-images.js';

const MINUTE = 60_000;

/** What docker-compose is to start. */
export interface ComposeProjectParts {
  readonly name: string;
  /** Compose files, below the project's folder. */
  readonly files: readonly string[];
  /** Its images, and the Dockerfile of each below the project's folder. */
  readonly images: Readonly<Record<string, string>>;
}

/** Compose files on a daemon of their own, with images that are built of this checkout. */
export class ComposeProject {
  private env: Readonly<Record<string, string>> = {};

  private constructor(
    readonly daemon: DockerDaemon,
    private readonly program: string,
    private readonly parts: ComposeProjectParts,
  ) {}

  /** Builds the images; leaves the suite out where it cannot. */
  static async prepare(context: Context, parts: ComposeProjectParts): Promise<ComposeProject> {
    requireRoot(context);
    const dockerd = requireTool(context, 'dockerd');
    const program = requireTool(context, 'docker-compose');
    const debootstrap = requireTool(context, 'debootstrap');
    const daemon = await startDockerDaemon(dockerd);
    const project = new ComposeProject(daemon, program, parts);
    try {
      await makeBaseImages(daemon, debootstrap);
      for (const [image, file] of Object.entries(parts.images))
        await project.build(image, join(projectRoot, file));
    } catch (error) {
      await daemon.stop();
      throw error;
    }
    return project;
  }

  /** Not by compose, whose builds have no network here: this daemon has none but the host's. */
  async build(image: string, file: string): Promise<void> {
    const args = ['build', '-q', '--network', 'host', '-t', image, '-f', file, projectRoot];
    await this.daemon.docker(args, { timeoutMs: 15 * MINUTE });
  }

  /** Starts all services, with these variables from now on. */
  async up(env: Readonly<Record<string, string>>): Promise<void> {
    this.env = env;
    await this.compose('up', '-d', '--no-build');
  }

  /** What docker-compose printed. */
  async compose(...args: readonly string[]): Promise<string> {
    const files = this.parts.files.flatMap((file) => ['-f', join(projectRoot, file)]);
    const env = {
      DOCKER_HOST: `unix://${join(this.daemon.directory, 's')}`,
      DOCKER_CONFIG: join(this.daemon.directory, 'client'),
      ...this.env,
    };
    const options = { env, timeoutMs: 10 * MINUTE };
    return (await runTool(this.program, ['-p', this.parts.name, ...files, ...args], options)).stdout;
  }

  async containerOf(service: string): Promise<string> {
    return (await this.compose('ps', '-q', service)).trim();
  }

  /** Waits, at most 5 minutes, until the registry at the URL says that it is ready. */
  async ready(url: string): Promise<void> {
    const deadline = performance.now() + 5 * MINUTE;
    for (;;) {
      // With a limit: a fetch may wait for ever when the port is published but nobody listens behind it yet.
      const signal = AbortSignal.timeout(10_000);
      const answer = await fetch(`${url}/readyz`, { signal }).catch(() => undefined);
      if (answer?.status === 200) return;
      if (performance.now() > deadline)
        throw new Error(`not ready: ${await this.compose('logs', '--tail=20')}`);
      await delay(500);
    }
  }

  async stop(): Promise<void> {
    try {
      await this.compose('down', '-v');
    } finally {
      await this.daemon.stop();
    }
  }
}

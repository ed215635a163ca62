import type { Call, Operation, Sequence } from '../generator/jobs.js';
import type { Account } from '../process-tree.js';
import type { Subject, Target } from '../subject.js';
import type { SwiftContainer } from './swift-container.js';

const manifestPath = /^\/v2\/(.+)\/manifests\/(.+)$/;

/**
 * Swift without a registry: of each operation only what moves the same bytes, as one PUT or GET of one object. So a
 * pushed image is its layers, its config and its manifest; sessions, mounts and existence checks are left out.
 */
export class BareSwift implements Subject {
  readonly name = 'bare';
  readonly target: Target;
  readonly origin: string;
  private readonly path: string;

  constructor(private readonly container: SwiftContainer) {
    const { origin, pathname } = new URL(container.url);
    this.target = container.target;
    this.origin = origin;
    this.path = pathname;
  }

  asked(operations: readonly Operation[]): readonly Operation[] {
    return operations.flatMap((operation): readonly Operation[] => {
      if (operation.kind !== 'sequence') return this.step(operation);
      const steps = operation.steps.flatMap((step) => this.step(step));
      return steps.length > 0 ? [{ kind: 'sequence', steps }] : [];
    });
  }

  async restart(): Promise<void> {}

  /** It has no process besides those of the storage. */
  async account(): Promise<Account> {
    return { cpuSeconds: 0, resident: 0, peak: 0, processes: 0 };
  }

  async resetPeak(): Promise<void> {}

  async discard(): Promise<void> {}

  private step(step: Sequence['steps'][number]): Sequence['steps'] {
    switch (step.kind) {
      case 'push':
        return [
          {
            kind: 'put',
            path: this.blob(step.digest),
            headers: this.token,
            content: step.content,
          },
        ];
      case 'pull':
        return [{ ...step, path: this.blob(step.digest), headers: this.token, redirected: false }];
      case 'call':
        return this.call(step);
      case 'put':
        return [step];
    }
  }

  private call(call: Call): readonly Call[] {
    const [, repository, reference] = manifestPath.exec(call.path) ?? [];
    if (repository === undefined || reference === undefined || call.method === 'HEAD') return [];
    const path = `${this.path}/manifests/${repository}/${reference}`;
    return [{ ...call, path, headers: { ...call.headers, ...this.token } }];
  }

  private blob(digest: string): string {
    return `${this.path}/blobs/${digest}`;
  }

  private get token(): Readonly<Record<string, string>> {
    return { 'X-Auth-Token': this.container.token };
  }
}

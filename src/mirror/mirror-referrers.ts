import type { Descriptor } from '../domain/descriptor.js';
import type { Digest } from '../domain/digest.js';
import { InvalidValue } from '../domain/invalid-value.js';
import { parseManifest } from '../domain/manifest.js';
import { MEDIA_TYPE } from '../domain/media-type.js';
import { byCodeUnit } from '../domain/page.js';
import type { RepositoryName } from '../domain/repository-name.js';
import type { ServedRegistry } from '../registry/registry.js';
import { listPages } from './upstream/list-pages.js';
import type { Remote, Remotes } from './remote.js';
import { SharedWork } from './shared-work.js';
import { UpstreamError, isUpstreamError } from './upstream/upstream-error.js';

const MOST_PAGES = 20;

export interface MirrorReferrersParts {
  readonly inner: ServedRegistry['referrers'];
  readonly remotes: Remotes;
  /** Milliseconds that the bytes of a list may take. */
  readonly bodyTimeout: number;
}

/**
 * Referrers, those of the mirror as their upstreams list them, by the API or by the tag that stands for it (OCI
 * distribution-spec "Referrers Tag Schema"), a list once for all who ask for it at the same time; while these cannot be
 * asked, those that were pulled.
 */
export class MirrorReferrers {
  private readonly running = new SharedWork<readonly Descriptor[] | undefined>();

  constructor(private readonly parts: MirrorReferrersParts) {}

  async *list(name: RepositoryName, subject: Digest, last = ''): AsyncGenerator<Descriptor> {
    const { inner, remotes } = this.parts;
    const remote = await remotes(name);
    const theirs = remote && (await this.shared(remote, subject));
    if (theirs === undefined) {
      yield* inner.list(name, subject, last);
      return;
    }
    yield* theirs.filter(({ digest }) => digest.toString() > last);
  }

  /** In order; undefined where it cannot be asked. */
  private shared(remote: Remote, subject: Digest): Promise<readonly Descriptor[] | undefined> {
    const key = JSON.stringify([remote.upstream.name, remote.name, subject.toString()]);
    return this.running.of(key, async () => {
      const listed = await this.listThere(remote, subject);
      return listed?.sort((a, b) => byCodeUnit(a.digest.toString(), b.digest.toString()));
    });
  }

  private async listThere(remote: Remote, subject: Digest): Promise<Descriptor[] | undefined> {
    try {
      return await this.pages(remote, `referrers/${subject.toString()}`);
    } catch (error) {
      if (!isUpstreamError(error, 'absent')) return undefinedIfFailed(error);
    }
    try {
      return await this.pages(remote, `manifests/${subject.algorithm}-${subject.hex.slice(0, 64)}`);
    } catch (error) {
      return isUpstreamError(error, 'absent') ? [] : undefinedIfFailed(error);
    }
  }

  private async pages(remote: Remote, path: string): Promise<Descriptor[]> {
    const { bodyTimeout } = this.parts;
    const found = new Map<string, Descriptor>();
    let isWhole = false;
    const question = { path, accept: MEDIA_TYPE.ociIndex, mostPages: MOST_PAGES, bodyTimeout };
    for await (const { bytes, isLast } of listPages(remote, question)) {
      for (const descriptor of descriptorsIn(bytes, remote))
        found.set(descriptor.digest.toString(), descriptor);
      isWhole = isLast;
    }
    if (!isWhole) throw unusable(remote, `have more than ${MOST_PAGES} pages`);
    return [...found.values()];
  }
}

/** @throws UpstreamError for what is no index */
function descriptorsIn(bytes: Buffer, remote: Remote): readonly Descriptor[] {
  try {
    return parseManifest(bytes).manifests;
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    throw unusable(remote, 'are no index');
  }
}

function unusable({ upstream, name }: Remote, why: string): UpstreamError {
  return new UpstreamError('unavailable', `the referrers that ${upstream.name} lists for ${name} ${why}`);
}

function undefinedIfFailed(error: unknown): undefined {
  if (!(error instanceof UpstreamError)) throw error;
}

import type { IncomingHttpHeaders } from 'node:http';
import { NotChecked, known } from '../../src/ports/examination.js';
import { login, type Login } from './identity.js';
import type { KeystoneToken } from './keystone-token.js';
import { ObjectNames } from './object-names.js';
import { SwiftClient } from './swift-client.js';
import type { SwiftAccess } from './swift-client.js';
import type { ClusterInfo } from './swift-doctor-info.js';
import type { SwiftDriverOptions } from './swift-driver.js';

export interface SwiftExamination extends SwiftDriverOptions {
  /** Whether clients are to be sent to Swift by signed URLs. */
  readonly redirects: boolean;
}

/** When Swift answered first, by its clock and by ours (milliseconds since 1970). */
export interface FirstAnswer {
  readonly date: string | undefined;
  readonly sentAt: number;
  readonly receivedAt: number;
}

/** What the checks of a Swift have found so far, and what they ask with. */
export class SwiftFacts {
  login?: Login;
  token?: KeystoneToken;
  access?: SwiftAccess;
  firstAnswer?: FirstAnswer;
  cluster?: ClusterInfo;
  /** 404 where there is none. */
  container?: { readonly status: number; readonly headers: IncomingHttpHeaders };
  /** Whether there is a container that a server may open. */
  isUsable = false;
  private isRefused = false;
  readonly client: SwiftClient;
  readonly names: ObjectNames;

  constructor(readonly options: SwiftExamination) {
    const { clock, ids, times, container, account } = options;
    this.names = new ObjectNames(options.prefix);
    this.client = new SwiftClient({
      tokens: {
        access: () => this.currentAccess(),
        refuse: () => (this.isRefused = true),
      },
      clock,
      ids,
      times,
      container,
      ca: account.ca,
    });
  }

  /** The headers of a container that is there. @throws NotChecked */
  requireContainer(): IncomingHttpHeaders {
    const { status, headers } = this.requireAnswer();
    if (status === 404) throw new NotChecked('there is no container yet');
    return headers;
  }

  /** What Swift answered of the container. @throws NotChecked */
  requireAnswer(): NonNullable<SwiftFacts['container']> {
    return known(this.container, 'Swift was not reached, or did not admit us');
  }

  /** A v1 login may have given a token that has but a moment to live. */
  private async currentAccess(): Promise<SwiftAccess> {
    const access = known(this.access, 'no storage URL is known');
    if (!this.isRefused) return access;
    this.isRefused = false;
    const { account, clock, times } = this.options;
    const storageUrl = access.storageUrl.href;
    const { token } = await login({ ...account, storageUrl }, { timeout: times.request, now: clock.now() });
    return (this.access = { ...access, token });
  }
}

import { collected, streamed, withBody, type StreamedAnswer } from './answer.js';
import { headerOf, withHeader } from './raw-headers.js';

interface Catalog {
  readonly type?: string;
  readonly endpoints?: { url?: string }[];
}

/** Puts origins into login answers, so that a client goes on through a proxy and not past it. */
export class Origins {
  constructor(
    /** Of this proxy; it takes the place of the one in X-Storage-Url. */
    private readonly own: string,
    /** Takes the place of that of the object stores in a Keystone catalog. */
    private readonly storage: string | undefined,
  ) {}

  async putInto(answer: StreamedAnswer, path: string): Promise<StreamedAnswer> {
    const storageUrl = headerOf(answer.headers, 'X-Storage-Url');
    if (storageUrl !== undefined) {
      return {
        ...answer,
        headers: withHeader(answer.headers, 'X-Storage-Url', withOrigin(storageUrl, this.own)),
      };
    }
    if (this.storage === undefined || !holdsCatalog(answer, path)) return answer;
    const whole = await collected(answer);
    const body = JSON.parse(whole.body.toString()) as {
      catalog?: Catalog[];
      token?: { catalog?: Catalog[] };
    };
    for (const service of body.token?.catalog ?? body.catalog ?? []) {
      if (service.type !== 'object-store') continue;
      for (const endpoint of service.endpoints ?? []) {
        if (endpoint.url !== undefined) endpoint.url = withOrigin(endpoint.url, this.storage);
      }
    }
    return streamed(withBody(whole, Buffer.from(JSON.stringify(body))));
  }
}

function holdsCatalog({ status, headers }: StreamedAnswer, path: string): boolean {
  return (
    status < 300 &&
    /\/auth\/(tokens|catalog)$/.test(path) &&
    (headerOf(headers, 'Content-Type') ?? '').startsWith('application/json')
  );
}

function withOrigin(url: string, origin: string): string {
  return url.replace(/^https?:\/\/[^/]+/, () => origin);
}

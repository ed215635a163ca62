/** The target of a request, taken apart but never normalised: what is sent on is `raw`. */
export interface RequestTarget {
  readonly raw: string;
  /** Percent-decoded, without the query; as it came where it cannot be decoded. */
  readonly path: string;
  /** As it came, without the question mark. */
  readonly query: string;
  readonly parameters: URLSearchParams;
  /** `/v1/ACCOUNT`, as it came; absent from requests that name no Swift account. */
  readonly account?: string;
  /** `/v1/ACCOUNT/CONTAINER`, as it came. */
  readonly container?: string;
  /** The object's decoded name. */
  readonly object?: string;
}

const SWIFT_PATH = /^(\/v1\/[^/]+)(?:(\/[^/]+)(?:\/(.+))?)?\/?$/s;

export function parseTarget(raw: string): RequestTarget {
  const mark = raw.indexOf('?');
  const path = mark < 0 ? raw : raw.slice(0, mark);
  const query = mark < 0 ? '' : raw.slice(mark + 1);
  const [, account, container, object] = SWIFT_PATH.exec(path) ?? [];
  return {
    raw,
    path: decoded(path),
    query,
    parameters: new URLSearchParams(query),
    ...(account === undefined ? {} : { account }),
    ...(account === undefined || container === undefined ? {} : { container: account + container }),
    ...(object === undefined ? {} : { object: decoded(object) }),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Lie } from './lying-upstream.js';

/** The right headers and length with one byte changed in the middle. */
export function otherBytes(about: RegExp): Lie {
  return {
    about,
    tell({ status, headers, bytes }, response) {
      const other = Buffer.from(bytes);
      const middle = other.length >> 1;
      other[middle] = (other[middle] ?? 0) ^ 1;
      response.writeHead(status, headers).end(other);
    },
  };
}

/** The length of all, half of the bytes, then the end of the connection; of the rest, nothing when it is asked for. */
export function cutBody(about: RegExp): Lie {
  return {
    about,
    tell({ asked, status, headers, bytes }, response) {
      const given = asked.headers.range === undefined ? bytes.length >> 1 : 0;
      response.writeHead(status, headers).write(bytes.subarray(0, given), () => response.destroy());
    },
  };
}

/** No length, and bytes for as long as somebody reads them; `sent` tells how many were written at most at once. */
export function endlessBody(about: RegExp): Lie & { readonly sent: () => number } {
  const chunk = randomBytes(65_536);
  let most = 0;
  return {
    about,
    sent: () => most,
    tell({ status, headers }, response) {
      const others = Object.entries(headers).filter(([name]) => name !== 'content-length');
      response.writeHead(status, Object.fromEntries(others));
      let sent = 0;
      const write = (): void => {
        while (!response.destroyed) {
          sent += chunk.length;
          most = Math.max(most, sent);
          if (!response.write(chunk)) return;
        }
      };
      response.on('drain', write);
      write();
    },
  };
}

export function redirect(about: RegExp, location: string): Lie {
  return answering(about, (response) => response.writeHead(307, { location }).end());
}

/** Asks for a token from elsewhere. */
export function foreignRealm(about: RegExp, realm: string): Lie {
  const challenge = `Bearer realm="${realm}",service="registry",scope="repository:library/any:pull"`;
  return answering(about, (response) => response.writeHead(401, { 'www-authenticate': challenge }).end());
}

/** Gives it to nobody. */
export function denial(about: RegExp, status: 401 | 403): Lie {
  return answering(about, (response) => {
    const body = { errors: [{ code: status === 401 ? 'UNAUTHORIZED' : 'DENIED', message: 'not for you' }] };
    response.writeHead(status, {
      'content-type': 'application/json',
      ...(status === 401 && { 'www-authenticate': 'Basic realm="upstream"' }),
    });
    response.end(JSON.stringify(body));
  });
}

/** The truth, but not before. */
export function later(about: RegExp, when: Promise<unknown>): Lie {
  return {
    about,
    async tell({ status, headers, bytes }, response) {
      await when;
      response.writeHead(status, headers).end(bytes);
    },
  };
}

/** Cookies beside the truth. */
export function withCookie(about: RegExp, cookie: string): Lie {
  return {
    about,
    tell({ status, headers, bytes }, response) {
      response.writeHead(status, { ...headers, 'set-cookie': `${cookie}; Path=/` }).end(bytes);
    },
  };
}

function answering(about: RegExp, answer: (response: ServerResponse) => unknown): Lie {
  return { about, tell: (_, response) => void answer(response) };
}

import { digestOf, withDigest } from '../../http/client.js';
import { fresh, type Lane } from '../lane.js';
import type { PatientClient } from '../patient-client.js';
import { assertBlob, type Attempt, type Operation } from './operation.js';

const KIB = 1024;
const MIB = 1024 * KIB;

type By = (lane: Lane) => PatientClient;
const small: By = (lane) => lane.small;
const large: By = (lane) => lane.large;

export const PUSHES: readonly Operation[] = [
  knownDigest('push 300 KiB, known digest', small, 300 * KIB),
  knownDigest('push 5 MiB, known digest', large, 5 * MIB),
  byPatch('push 300 KiB by PATCH', small, 300 * KIB),
  byPatch('push 10 MiB by PATCH, segments of 2 MiB', small, 10 * MIB),
  byPatch('push 12 MiB by PATCH, segments of 5 MiB', large, 12 * MIB),
  byPatch('push 4 MiB by three chunks', small, 4 * MIB, Math.ceil((4 * MIB) / 3)),
  byPatch('push 600 KiB by three chunks', small, 600 * KIB, 200 * KIB),
  byPatch('push 3000 KiB by five chunks, joined', small, 3000 * KIB, 600 * KIB),
  finishedElsewhere(),
  continuedElsewhere(),
  mounted(),
];

/** POST?digest= with the whole body. */
function knownDigest(name: string, by: By, size: number): Operation {
  return {
    name,
    async prepare(lane) {
      const repository = lane.repository();
      const body = fresh(size);
      const path = `/v2/${repository}/blobs/uploads/?digest=${digestOf(body)}`;
      return {
        perform: async () => void (await by(lane).ask('POST', path, 201, { body })),
        check: () => assertBlob(lane, repository, body),
      };
    },
  };
}

/** POST, PATCHes, PUT; after a refusal it asks how far the upload is and goes on from there. */
function byPatch(name: string, by: By, size: number, step = size): Operation {
  return {
    name,
    async prepare(lane) {
      const repository = lane.repository();
      const body = fresh(size);
      const client = by(lane);
      let session: string | undefined;
      return {
        async perform() {
          let offset = 0;
          if (session === undefined) {
            session = (await client.ask('POST', `/v2/${repository}/blobs/uploads/`, 202)).header('location');
          } else {
            const status = await client.ask('GET', session, 204);
            session = status.header('location');
            offset = offsetOf(status.headers['range']);
          }
          while (offset < size) {
            const chunk = body.subarray(offset, offset + step);
            const headers = step === size ? {} : chunkHeaders(offset, chunk);
            session = (await client.ask('PATCH', session, 202, { headers, body: chunk })).header('location');
            offset += chunk.length;
          }
          await client.ask('PUT', withDigest(session, digestOf(body)), 201);
        },
        check: () => assertBlob(lane, repository, body),
      };
    },
  };
}

function finishedElsewhere(): Operation {
  return {
    name: 'finish an upload begun elsewhere',
    async prepare(lane): Promise<Attempt> {
      const repository = lane.repository();
      const body = fresh(300 * KIB);
      const location = await lane.witness.patch(await lane.witness.openUpload(repository), body);
      const path = withDigest(location, digestOf(body));
      return {
        perform: async () => void (await lane.small.ask('PUT', path, 201)),
        check: () => assertBlob(lane, repository, body),
      };
    },
  };
}

/** Its bytes are read again there, and the short segment is joined. */
function continuedElsewhere(): Operation {
  return {
    name: 'continue an upload begun elsewhere',
    async prepare(lane): Promise<Attempt> {
      const repository = lane.repository();
      const body = fresh(3 * MIB);
      const begun = body.subarray(0, 2 * MIB + 300 * KIB);
      const location = await lane.witness.patch(await lane.witness.openUpload(repository), begun);
      return {
        async perform() {
          const status = await lane.small.ask('GET', location, 204);
          const rest = body.subarray(offsetOf(status.headers['range']));
          const path = withDigest(status.header('location'), digestOf(body));
          await lane.small.ask('PUT', path, 201, { body: rest });
        },
        check: () => assertBlob(lane, repository, body),
      };
    },
  };
}

function mounted(): Operation {
  return {
    name: 'mount a blob',
    async prepare(lane) {
      const [source, target] = [lane.repository(), lane.repository()];
      const body = fresh(10 * KIB);
      const digest = await lane.witness.pushBlob(source, body);
      const path = `/v2/${target}/blobs/uploads/?mount=${digest}&from=${source}`;
      return {
        // 202 would send the client to push what is there.
        perform: async () => void (await lane.small.ask('POST', path, 201)),
        check: () => assertBlob(lane, target, body),
      };
    },
  };
}

function chunkHeaders(start: number, chunk: Uint8Array): Record<string, string> {
  return { 'content-range': `${start}-${start + chunk.byteLength - 1}` };
}

/** Bytes held, by `Range: 0-<last>`; of none some registries answer 0-0. */
export function offsetOf(range: string | undefined): number {
  const last = Number(/^(?:bytes=)?0-(\d+)$/.exec(range ?? '')?.[1] ?? 0);
  return last === 0 ? 0 : last + 1;
}

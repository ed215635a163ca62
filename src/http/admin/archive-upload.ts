import { Readable } from 'node:stream';
import type { Writable } from 'node:stream';
import type { Request, Response } from 'express';
import multer from 'multer';
import type { Options, StorageEngine } from 'multer';
import { continueBody } from '../request-body.js';
import { Problem } from './problem-answer.js';

/** The file of a form (RFC 7578) has this name. */
const FIELD = 'archive';
const LIMITS = { files: 1, fields: 0, parts: 1, headerPairs: 50, fieldNameSize: 100 };
/** What the parser of the form tells of parts that are too many. */
const TOO_MANY = ['filesLimit', 'fieldsLimit', 'partsLimit'] as const;

/** Multer's, which its types do not have yet: how the request reaches the parser. */
interface Feed {
  readonly streamHandler: (req: Request, parser: Writable) => void;
}

/**
 * The file `archive` of a request's form, as it comes. The request is not read before the file is: whoever is refused
 * need not send it. The file ends when the whole form has, and fails where that holds anything else: so nothing comes
 * of a form that is refused. @throws Problem
 */
export function archiveIn(req: Request, res: Response): Readable {
  if (req.is('multipart/form-data') === false) {
    throw new Problem('wrong-media-type', `send multipart/form-data with the file ${FIELD}`);
  }
  let isOpen = false;
  let file: Readable | undefined;
  const archive = new Readable({
    read: () => {
      if (isOpen) file?.resume();
      else openForm();
    },
    destroy: (error, done) => {
      req.unpipe();
      file?.destroy();
      done(error);
    },
  });
  const fail = (reason: string): void => void archive.destroy(wrongForm(reason));
  const storage: StorageEngine = {
    _handleFile: (_req, { stream }, done) => {
      file = stream;
      stream.on('data', (chunk: Buffer) => {
        if (!archive.push(chunk)) stream.pause();
      });
      stream.once('end', () => done(null, {}));
    },
    _removeFile: (_req, _file, done) => done(null), // nothing of it is kept here
  };
  /** Multer tells of a wrong form when all of it came, however long it is: here it fails at once. */
  const streamHandler: Feed['streamHandler'] = (request, parser) => {
    for (const event of TOO_MANY) parser.once(event, () => fail('it has more than that'));
    parser.on('file', (name: string | undefined, _stream: unknown, { filename }: { filename?: string }) => {
      if (name !== FIELD) fail(`it has a file ${JSON.stringify(name ?? '')}`);
      else if (filename === undefined || filename === '') fail(`${FIELD} has no filename`);
    });
    request.pipe(parser);
  };
  const openForm = (): void => {
    isOpen = true;
    continueBody(req, res);
    const options: Options & Feed = { storage, limits: LIMITS, streamHandler };
    void multer(options).single(FIELD)(req, res, (error: unknown) => {
      if (error !== undefined && error !== null) fail((error as Error).message);
      else if (file === undefined) fail('it has no such file');
      else archive.push(null);
    });
  };
  return archive;
}

function wrongForm(reason: string): Problem {
  return new Problem(
    'invalid-request',
    `the form must hold the one file ${FIELD} and nothing else: ${reason}`,
  );
}

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '../../src/composition/logger.js';
import { leaveOut } from '../support/requirement.js';

const LOGGER = new URL('../../src/composition/logger.js', import.meta.url).href;

type Line = Record<string, unknown> & { level: string; time: string; msg: string };

const parse = (text: string): Line[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);

/** Runs a script that has `createLogger` in a process of its own. */
function script(body: string) {
  const source = `const { createLogger } = await import(${JSON.stringify(LOGGER)});\n${body}`;
  return spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: 'pipe' });
}

describe('composition/logger', function () {
  this.timeout(20_000);
  let folder: string;
  let file: string;
  let fd: number;
  const lines = (): Line[] => parse(readFileSync(file, 'utf8'));

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'stackyard-log-'));
    file = join(folder, 'log');
    writeFileSync(file, '');
    fd = openSync(file, 'a');
  });

  afterEach(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });

  it('writes one JSON object a line: level, ISO time, fields, message, and no more', async () => {
    const logger = createLogger('info', { fd });
    logger.info({ status: 200, path: '/v2/' }, 'request');
    await logger.flush();
    const [{ time, ...rest } = assert.fail('no line'), ...more] = lines();
    assert.deepEqual(rest, { level: 'info', status: 200, path: '/v2/', msg: 'request' });
    assert.equal(new Date(time).toISOString(), time);
    assert.deepEqual(more, []);
  });

  it('writes its level and above', async () => {
    const logger = createLogger('warn', { fd });
    for (const name of ['debug', 'info', 'warn', 'error'] as const) logger[name]({}, name);
    const silent = createLogger('silent', { fd });
    silent.error({}, 'nothing');
    await Promise.all([logger.flush(), silent.flush()]);
    assert.deepEqual(
      lines().map(({ level, msg }) => [level, msg]),
      [
        ['warn', 'warn'],
        ['error', 'error'],
      ],
    );
  });

  it('holds lines back for less than half a second', async () => {
    createLogger('info', { fd }).info({}, 'one');
    assert.deepEqual(lines(), []);
    const until = Date.now() + 450;
    while (lines().length === 0 && Date.now() < until)
      await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(lines().length, 1);
  });

  it('keeps every line and their order, long lines too', async () => {
    const logger = createLogger('info', { fd });
    for (let i = 0; i < 5000; i++) logger.info({ i, text: 'x'.repeat(i % 300) }, 'é');
    logger.info({ i: 5000, text: 'y'.repeat(20_000) }, 'long');
    await logger.flush();
    assert.deepEqual(
      lines().map(({ i }) => i),
      Array.from({ length: 5001 }, (_, i) => i),
    );
  });

  it('scrubs secrets from fields, errors and messages', async () => {
    const logger = createLogger('info', { fd });
    const error = new Error('PUT http://me:hush@swift/?temp_url_sig=hush failed');
    logger.info(
      { headers: { authorization: 'hush' }, url: '/v2/a/blobs/uploads/x?_state=hush', error },
      'for Bearer hushhush',
    );
    await logger.flush();
    const text = readFileSync(file, 'utf8');
    assert.ok(!text.includes('hush'), text);
    assert.match(text, /\*\*\*/);
  });

  it('writes what is pending when the process ends, even abruptly', async () => {
    for (const end of ['process.exit(3)', 'throw new Error("x")', '']) {
      const child = script(
        `const logger = createLogger('info'); for (let i = 0; i < 3000; i++) logger.info({ i }, 'line'); ${end}`,
      );
      let text = '';
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      await new Promise((resolve) => child.once('close', resolve));
      const numbers = parse(text).map(({ i }) => Number(i));
      assert.deepEqual(
        numbers.toSorted((a, b) => a - b),
        Array.from({ length: 3000 }, (_, i) => i),
        end,
      );
    }
  });

  it('survives a stdout that was closed, and ends', async () => {
    const child = script(`
      const logger = createLogger('info');
      process.stdin.once('data', async () => {
        for (let round = 0; round < 3; round++) {
          for (let i = 0; i < 1000; i++) logger.info({ i }, 'line');
          await logger.flush();
        }
        logger.info({}, 'last');
        process.exitCode = 42;
        process.stdin.destroy();
      });`);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
    child.stdout.destroy();
    child.stdin.write('go\n');
    const code = await new Promise((resolve) => child.once('close', resolve));
    assert.equal(code, 42, stderr);
    assert.equal(stderr, '');
  });

  it('survives a full disk, and tells how many lines it cost once there is room', async function () {
    if (!existsSync('/dev/full')) leaveOut(this, 'there is no /dev/full');
    const full = openSync('/dev/full', 'w');
    const logger = createLogger('info', { fd: full });
    for (let i = 0; i < 200; i++) logger.info({ i }, 'line');
    await logger.flush();
    closeSync(full);
    const roomy = openSync(file, 'a');
    try {
      assert.equal(roomy, full, 'the descriptor was to be used again');
      logger.info({}, 'back');
      await logger.flush();
    } finally {
      closeSync(roomy);
    }
    assert.deepEqual(
      lines().map(({ msg, count }) => [msg, count]),
      [
        ['back', undefined],
        ['log lines were lost', 200],
      ],
    );
  });

  it('loses lines rather than memory while nobody reads, and tells how many', async () => {
    const child = script(`
      const logger = createLogger('info');
      for (let i = 0; i < 20000; i++) logger.info({ i, text: 'x'.repeat(1000) }, 'line');
      process.stdin.once('data', async () => {
        await logger.flush();
        await logger.flush();
        process.exit(0);
      });
      console.error('written');`);
    await new Promise((resolve) => child.stderr.once('data', resolve));
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    child.stdin.write('go\n');
    await new Promise((resolve) => child.once('close', resolve));
    const all = parse(text);
    const written = all.filter(({ msg }) => msg === 'line').length;
    const told = all.filter(({ msg }) => msg === 'log lines were lost');
    assert.ok(written < 20_000 && written > 1000, String(written));
    assert.equal(
      told.reduce((sum, { count }) => sum + Number(count), written),
      20_000,
    );
  });
});

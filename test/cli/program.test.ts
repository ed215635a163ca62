import assert from 'node:assert/strict';
import type { HealFailure } from '../../src/jobs/heal-store.js';
import type { PurgeReport } from '../../src/jobs/purge-uploads.js';
import { loadConfig } from '../../src/config/index.js';
import { told } from './test-context.js';

const DAY = 86_400_000;

interface World {
  readonly calls: unknown[];
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

interface Given {
  readonly env?: Record<string, string>;
  readonly purged?: Partial<PurgeReport & { readonly reason: string }>;
  readonly failure?: Error;
  /** Of a heal. */
  readonly failures?: readonly HealFailure[];
}

const BLOBS = {
  plain: { count: 5, bytes: 2048 },
  large: { count: 0, bytes: 0 },
  legacy: { count: 7, bytes: 1_610_612_736 },
};

/** Runs a command line against stand-ins that record their calls. */
async function stackyard(
  commandLine: string,
  { env = {}, purged = {}, failure, failures = [] }: Given = {},
): Promise<World> {
  const calls: unknown[] = [];
  const fail = async (): Promise<void> => {
    if (failure !== undefined) throw failure;
  };
  const { out, err, code } = await told(commandLine.split(' ').filter(Boolean), {
    loadConfig: (configPath) => {
      calls.push(['config', configPath]);
      return loadConfig({ env, cwd: '/', configPath, readFile: () => '' });
    },
    serve: async (options) => {
      calls.push(['serve', options]);
      await fail();
    },
    openStore: async () => ({
      purgeUploads: async (options) => {
        calls.push(['purge', options]);
        await fail();
        return { steps: 2, sets: 1, bytes: 1_610_612_736, dryRun: options.dryRun, ...purged };
      },
      adopt: async (options) => {
        calls.push(['adopt', options]);
        await fail();
        for (const failure of failures) options.heal?.onFailure?.(failure);
        const { finish, heal } = options;
        const healed = { healed: BLOBS.legacy, uploads: 1, failures, dryRun: heal?.dryRun ?? false };
        const found = { origin: 'distribution', shared: !finish, repositories: 12, referrers: 3 } as const;
        return { ...found, blobs: BLOBS, ...(heal !== undefined && { heal: healed }) };
      },
      close: async () => {
        calls.push('close');
      },
    }),
  });
  return { calls, out, err, code };
}

describe('cli', () => {
  it('prints the version', async () => {
    const { out, err, code } = await stackyard('--version');
    assert.deepEqual({ out, err, code }, { out: '1.2.3\n', err: '', code: 0 });
  });

  it('passes --config on to serve, and nothing where it is not given', async () => {
    assert.deepEqual((await stackyard('serve --config /a.yaml')).calls, [
      ['serve', { configPath: '/a.yaml' }],
    ]);
    assert.deepEqual((await stackyard('serve')).calls, [['serve', {}]]);
  });

  it('prints the configuration with origins', async () => {
    const { out, code } = await stackyard('config print --config a.yaml', { env: { PORT: '7' } });
    assert.equal(code, 0);
    assert.match(out, /\n {2}port: 7 # env PORT\n/);
  });

  it('checks the configuration: 0, or 2 with a line for each problem', async () => {
    assert.deepEqual(await stackyard('config check'), {
      calls: [['config', undefined]],
      out: 'the configuration is valid\n',
      err: '',
      code: 0,
    });
    const wrong = await stackyard('config check', { env: { PORT: 'x', STACKYARD_SERVER_PROT: '1' } });
    assert.deepEqual([wrong.code, wrong.out], [2, '']);
    assert.match(wrong.err, /^stackyard: STACKYARD_SERVER_PROT .*\nstackyard: server\.port \(PORT\): .*\n$/);
  });

  describe('uploads purge', () => {
    it('takes the age from the configuration or the option, and closes the store', async () => {
      const byConfig = await stackyard('uploads purge', { env: { STACKYARD_UPLOADS_PURGE_AFTER: '9d' } });
      assert.deepEqual(byConfig.calls.slice(1), [['purge', { olderThan: 9 * DAY, dryRun: false }], 'close']);
      const byOption = await stackyard('uploads purge --older-than 10d --dry-run');
      assert.deepEqual(byOption.calls.slice(1), [['purge', { olderThan: 10 * DAY, dryRun: true }], 'close']);
      assert.equal(byOption.err, '');
    });

    it('tells what it removed, would remove, and why it did not', async () => {
      assert.equal(
        (await stackyard('uploads purge')).out,
        'removed 2 step records and 1 segment set (1.5 GiB)\n',
      );
      assert.equal(
        (await stackyard('uploads purge --dry-run')).out,
        'would remove 2 step records and 1 segment set (1.5 GiB)\n',
      );
      assert.equal(
        (
          await stackyard('uploads purge', {
            purged: { steps: 0, sets: 0, bytes: 0, reason: 'the store is shared' },
          })
        ).out,
        'would remove 0 step records and 0 segment sets (0 B); nothing was removed: the store is shared\n',
      );
    });

    it('prints one JSON object with --json', async () => {
      const { out } = await stackyard('uploads purge --json');
      assert.deepEqual(JSON.parse(out), { steps: 2, sets: 1, bytes: 1_610_612_736, dryRun: false });
    });

    it('warns where uploads that still run may be cut off', async () => {
      const { err, code } = await stackyard('uploads purge --older-than 1h');
      assert.equal(code, 0);
      assert.match(err, /^stackyard: uploads that still run may be cut off: .* 6d \(uploads\.maxAge\)\n$/);
    });

    it('refuses an age without unit as wrong usage', async () => {
      const { err, code, calls } = await stackyard('uploads purge --older-than 8');
      assert.deepEqual([code, calls], [2, []]);
      assert.match(
        err,
        /^stackyard: option '--older-than <age>' argument '8' is invalid\. Give .* such as 8d\.\n$/,
      );
    });
  });

  describe('adopt', () => {
    it('shows a table, or JSON', async () => {
      const { out, calls } = await stackyard('adopt');
      assert.deepEqual(calls.slice(1), [['adopt', { finish: false }], 'close']);
      assert.match(out, /^origin {8}distribution\nshared {8}yes; .*\nrepositories {2}12\nreferrers {5}3\n/);
      assert.match(
        out,
        /\nplain blobs {3}5 \(2 KiB\)\nlarge blobs {3}0 \(0 B\)\nlegacy blobs {2}7 \(1\.5 GiB\); .*\n$/,
      );
      const json = await stackyard('adopt --finish --json');
      assert.deepEqual(JSON.parse(json.out), {
        origin: 'distribution',
        shared: false,
        repositories: 12,
        referrers: 3,
        blobs: BLOBS,
      });
    });

    it('heals, and tells what it did or would do', async () => {
      const { out, err, code, calls } = await stackyard('adopt --heal');
      assert.deepEqual([code, err], [0, '']);
      assert.match(JSON.stringify(calls), /"adopt",\{"finish":false,"heal":\{"dryRun":false\}\}/);
      assert.match(out, /\nhealed {8}7 \(1\.5 GiB\)\nremoved {7}1 stale upload\nnot healed {4}0\n$/);
      assert.doesNotMatch(out, /adopt --heal/);
      const dry = await stackyard('adopt --dry-run');
      assert.match(dry.out, /\nto heal {7}7 \(1\.5 GiB\)\nto remove {5}1 stale upload\n/);
    });

    it('names each blob that was left, and ends with exit code 1', async () => {
      const failures = [{ digest: 'sha256:ab', reason: 'the segment 2 is gone' }];
      const { out, err, code } = await stackyard('adopt --heal', { failures });
      assert.equal(code, 1);
      assert.match(
        err,
        /^stackyard: sha256:ab was left as it was: the segment 2 is gone\nstackyard: 1 blob cannot .*\n$/,
      );
      assert.match(out, /\nnot healed {4}1\n$/);
    });

    it('refuses a dry run of --finish', async () => {
      const { code, err, calls } = await stackyard('adopt --finish --dry-run');
      assert.deepEqual([code, calls], [2, []]);
      assert.match(err, /^stackyard: option '--dry-run' cannot be used with option '--finish'\n$/);
    });
  });

  describe('failures', () => {
    const failure = new Error('port 5000 is taken:\n  set PORT');

    it('are one line and exit code 1, and the store is closed', async () => {
      const served = await stackyard('serve', { failure });
      assert.deepEqual([served.code, served.err], [1, 'stackyard: port 5000 is taken:; set PORT\n']);
      const purged = await stackyard('uploads purge', { failure });
      assert.equal(purged.code, 1);
      assert.equal(purged.calls.at(-2), 'close');
    });

    it('show a stack only at log level debug', async () => {
      const { err } = await stackyard('serve --config a.yaml', {
        failure,
        env: { STACKYARD_LOG_LEVEL: 'debug' },
      });
      assert.match(err, /^stackyard: port 5000 .*\n(.*\n)* +at /);
    });

    it('of the command line are one line and exit code 2', async () => {
      for (const [line, message] of [
        ['sevre', /^stackyard: unknown command 'sevre'.*\n$/],
        ['serve --port 1', /^stackyard: unknown option '--port'.*\n$/],
        ['serve extra', /^stackyard: too many arguments.*\n$/],
        ['serve --config', /^stackyard: option '--config <file>' argument missing\n$/],
        ['uploads purg', /^stackyard: unknown command 'purg'.*\n$/],
        ['', /^Usage: stackyard /],
      ] as const) {
        const { code, err, calls } = await stackyard(line);
        assert.deepEqual([code, calls], [2, []], line);
        assert.match(err, message);
      }
    });
  });
});

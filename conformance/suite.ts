import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { goTool } from '../test/support/go-tools.js';
import { tryTool } from '../test/support/tool.js';

export interface SuiteTest {
  readonly name: string;
  readonly status: 'passed' | 'skipped' | 'failure' | 'error';
  /** What the suite says about a test that did not pass. */
  readonly message: string;
}

export interface SuiteResult {
  readonly tests: readonly SuiteTest[];
  /** The suite's own verdict on each API and each kind of data: Pass, Skip, Disabled, FAIL, Error, Unknown. */
  readonly features: ReadonlyMap<string, string>;
  readonly log: string;
}

/** Every optional feature; the names are the suite's own. */
const FEATURES = {
  API_PING: true,
  API_PULL: true,
  API_PUSH: true,
  API_REFERRER: true,
  API_BLOBS_ATOMIC: true,
  API_BLOBS_DELETE: true,
  API_BLOBS_DIGEST_HEADER: true,
  API_BLOBS_MOUNT_ANONYMOUS: true,
  API_BLOBS_UPLOAD_CANCEL: true,
  API_MANIFESTS_ATOMIC: true,
  API_MANIFESTS_DELETE: true,
  API_MANIFESTS_DIGEST_HEADER: true,
  API_MANIFESTS_TAG_PARAM: true,
  API_TAGS_ATOMIC: true,
  API_TAGS_DELETE: true,
  API_TAGS_LIST: true,
  DATA_IMAGE: true,
  DATA_INDEX: true,
  DATA_INDEX_LIST: true,
  DATA_SPARSE: true,
  DATA_ARTIFACT: true,
  DATA_SUBJECT: true,
  DATA_SUBJECT_MISSING: true,
  DATA_ARTIFACT_LIST: true,
  DATA_SUBJECT_LIST: true,
  DATA_DATA_FIELD: true,
  DATA_NONDISTRIBUTABLE: true,
  DATA_CUSTOM_FIELDS: true,
  DATA_NO_LAYERS: true,
  DATA_EMPTY_BLOB: true,
  DATA_SHA512: true,
};

/**
 * Runs the official suite against `authority` and reads what it found from the files it leaves in `directory`, which is
 * emptied first. Its exit code tells nothing: errors of its set-up end with 0. Throws when it left no result.
 */
export async function runSuite(
  authority: string,
  login: { readonly username: string; readonly password: string },
  directory: string,
): Promise<SuiteResult> {
  const program = await goTool('conformance');
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const features = Object.entries(FEATURES).map(([name, on]) => [`OCI_${name}`, String(on)]);
  const run = await tryTool(program, [], {
    cwd: directory, // no oci-conformance.yaml lies there
    timeoutMs: 600_000,
    env: {
      ...(Object.fromEntries(features) as Record<string, string>),
      OCI_REGISTRY: authority,
      OCI_TLS: 'disabled',
      OCI_USERNAME: login.username,
      OCI_PASSWORD: login.password,
      OCI_VERSION: 'dev',
      OCI_REPO1: 'conformance/repo1',
      OCI_REPO2: 'conformance/repo2',
      OCI_RESULTS_DIR: directory,
    },
  });
  const log = `${run.stdout}${run.stderr}`;
  const [junit, results] = await Promise.all(
    ['junit.xml', 'results.yaml'].map((name) => readFile(join(directory, name), 'utf8')),
  ).catch((error: unknown) => {
    throw new Error(`the suite left no result: ${run.stderr.trim().slice(-1000)}`, { cause: error });
  });
  if (run.stderr.includes('failed to run tests'))
    throw new Error(`the suite broke off: ${run.stderr.trim()}`);
  return { tests: parseJunit(junit ?? ''), features: parseFeatures(results ?? ''), log };
}

function parseFeatures(yaml: string): Map<string, string> {
  const { apis, data } = parse(yaml) as Record<'apis' | 'data', Record<string, string>>;
  return new Map(
    [...Object.entries(apis), ...Object.entries(data)].map(([name, status]) => [name, String(status)]),
  );
}

/** The leaves of the suite's tree, each one call of the API with its checks. */
function parseJunit(xml: string): SuiteTest[] {
  return [...xml.matchAll(/<testcase ([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs)].map(
    ([, attributes = '', inner = '']) => {
      const attribute = (name: string) =>
        unescapeXml(new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? '');
      const status = attribute('status');
      if (status !== 'passed' && status !== 'skipped' && status !== 'failure' && status !== 'error')
        throw new Error(`the suite's result has the unknown status "${status}" for ${attribute('name')}`);
      const message = unescapeXml(/<system-out>(.*?)<\/system-out>/s.exec(inner)?.[1] ?? '');
      return { name: attribute('name').replace(/^OCI Conformance Test\//, ''), status, message };
    },
  );
}

function unescapeXml(text: string): string {
  const named: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  return text.replace(
    /&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/g,
    (whole, hex?: string, decimal?: string, name?: string) => {
      if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16));
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
      return named[name ?? ''] ?? whole;
    },
  );
}

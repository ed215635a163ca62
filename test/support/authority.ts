import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { requireTool } from './requirement.js';
import { runTool } from './tool.js';

const DAYS = ['-days', '2'];
const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** An authority of certificates in a directory, by openssl: `ca.pem`, and `NAME.pem` with `NAME.key` of all it issues. */
export class Authority {
  private constructor(private readonly directory: string) {}

  static async create(context: Context | undefined, directory: string): Promise<Authority> {
    if (context !== undefined) requireTool(context, 'openssl');
    const authority = new Authority(directory);
    await authority.openssl(
      'req',
      '-x509',
      ...CURVE,
      ...DAYS,
      ...['-subj', '/CN=Authority'],
      ...['-keyout', 'ca.key'],
      ...['-out', 'ca.pem'],
    );
    return authority;
  }

  /** For this machine's loopback addresses and localhost, or for the names given as subjectAltName has them. */
  async issue(name: string, commonName: string, names = 'IP:127.0.0.1,IP:::1,DNS:localhost'): Promise<void> {
    await this.openssl(
      'req',
      ...CURVE,
      '-subj',
      `/CN=${commonName}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
    );
    await writeFile(join(this.directory, 'extensions'), `subjectAltName=${names}\n`);
    const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'extensions'];
    await this.openssl('x509', '-req', '-in', `${name}.csr`, ...signing, ...DAYS, '-out', `${name}.pem`);
  }

  private async openssl(...args: string[]): Promise<void> {
    await runTool('openssl', args, { cwd: this.directory });
  }
}

import { randomBytes } from 'node:crypto';
import { Agent, request } from 'undici';

interface Named {
  readonly id: string;
  readonly name: string;
}

export interface TestUser extends Named {
  readonly password: string;
}

/** The bed's Keystone, by its administrator: makes what a test needs, and removes all of it at the end. */
export class KeystoneAdmin {
  private readonly agent = new Agent({ pipelining: 0 });
  private readonly suffix = randomBytes(4).toString('hex');
  private readonly made: string[] = [];
  private token = '';

  private constructor(private readonly url: string) {}

  /** `url` ends with /v3. */
  static async login(url: string): Promise<KeystoneAdmin> {
    const admin = new KeystoneAdmin(url);
    admin.token = await admin.tokenOf(
      { name: 'admin', password: 'adminpass' },
      { name: 'admin', domain: DEFAULT },
    );
    return admin;
  }

  /** The name as it is in this test alone. */
  named(name: string): string {
    return `${name}-${this.suffix}`;
  }

  domain(name: string): Promise<Named> {
    return this.make('domains', { name: this.named(name) });
  }

  project(name: string, domain = 'default'): Promise<Named> {
    return this.make('projects', { name: this.named(name), domain_id: domain });
  }

  role(name: string): Promise<Named> {
    return this.make('roles', { name: this.named(name) });
  }

  async user(name: string, domain = 'default'): Promise<TestUser> {
    const password = randomBytes(9).toString('base64url');
    const fields = { name: this.named(name), domain_id: domain, password };
    return { ...(await this.make('users', fields)), password };
  }

  async roleNamed(name: string): Promise<Named> {
    const { roles } = (await this.call('GET', `/roles?name=${name}`)) as { roles: Named[] };
    if (roles[0] === undefined) throw new Error(`Keystone has no role ${name}`);
    return roles[0];
  }

  async assign(user: Named, project: Named, role: Named): Promise<void> {
    await this.call('PUT', `/projects/${project.id}/users/${user.id}/roles/${role.id}`);
  }

  async disable(user: Named): Promise<void> {
    await this.call('PATCH', `/users/${user.id}`, { user: { enabled: false } });
  }

  async close(): Promise<void> {
    for (const path of this.made.reverse()) {
      if (path.startsWith('/domains/')) await this.call('PATCH', path, { domain: { enabled: false } });
      await this.call('DELETE', path);
    }
    await this.agent.close();
  }

  private async make(collection: string, fields: object): Promise<Named> {
    const kind = collection.slice(0, -1);
    const answer = (await this.call('POST', `/${collection}`, { [kind]: fields })) as Record<string, Named>;
    const one = answer[kind];
    if (one === undefined) throw new Error(`Keystone made no ${kind}`);
    this.made.push(`/${collection}/${one.id}`);
    return one;
  }

  private async tokenOf(user: { name: string; password: string }, project: object): Promise<string> {
    const { name, password } = user;
    const identity = { methods: ['password'], password: { user: { name, domain: DEFAULT, password } } };
    const body = JSON.stringify({ auth: { identity, scope: { project } } });
    const headers = { 'content-type': 'application/json' };
    const url = `${this.url}/auth/tokens`;
    const answer = await request(url, { method: 'POST', dispatcher: this.agent, headers, body });
    await answer.body.dump();
    return String(answer.headers['x-subject-token']);
  }

  private async call(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: object,
    token?: string,
  ) {
    const answer = await request(this.url + path, {
      method,
      dispatcher: this.agent,
      headers: { 'content-type': 'application/json', 'x-auth-token': token ?? this.token },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  }
}

const DEFAULT = { id: 'default' };

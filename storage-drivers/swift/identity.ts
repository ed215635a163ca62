import type { OpenStackAccount } from '../../src/domain/openstack-credentials.js';
import { brokenLogin, loginFailure, refusedLogin } from './login-failure.js';
import { loginRequest } from './login-request.js';
import type { LoginAnswer } from './pkgcloud-identity.js';
import { chooseEndpoint } from './service-catalog.js';

/** What a login gives. */
export interface Login {
  readonly token: string;
  readonly storageUrl: string;
  /** Milliseconds since 1970 by this machine's clock; Infinity for a token that no login gave. */
  readonly expiresAt: number;
}

export interface LoginOptions {
  /** Milliseconds for the whole login. */
  readonly timeout: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly signal?: AbortSignal | undefined;
}

/** tempauth and Keystone tell whole seconds: a token may end up to one earlier than it seems. */
const ROUNDING = 1000;
/** Of a token whose login does not tell. */
const USUAL_LIFE = 3_600_000;

/**
 * Logs in once, directly: proxies of the environment are not used, as they are not for Swift itself.
 * @throws StorageError UNAVAILABLE, in one line without any secret; the reason of the signal
 */
export async function login(account: OpenStackAccount, options: LoginOptions): Promise<Login> {
  const { credentials, storageUrl } = account;
  if (credentials.kind === 'token' && credentials.scope === undefined && storageUrl !== undefined) {
    return { token: credentials.token, storageUrl, expiresAt: Infinity };
  }
  const answer = await answerOf(account, options);
  return credentials.kind === 'v1' ? v1Login(account, answer, options) : v3Login(account, answer, options);
}

async function answerOf(account: OpenStackAccount, { timeout, signal }: LoginOptions): Promise<LoginAnswer> {
  signal?.throwIfAborted();
  // Its memory and start time are for those alone whose store is Swift.
  const { sendLogin } = await import('./pkgcloud-identity.js');
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(new Error(`timeout of ${timeout} ms`)), timeout);
  try {
    const signals = signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, signal]);
    return await sendLogin(loginRequest(account), { ca: account.ca, signal: signals });
  } catch (error) {
    signal?.throwIfAborted();
    throw brokenLogin(account, error);
  } finally {
    clearTimeout(timer);
  }
}

function v1Login(account: OpenStackAccount, answer: LoginAnswer, { now }: LoginOptions): Login {
  const token = answer.headers['x-auth-token'];
  const storageUrl = account.storageUrl ?? answer.headers['x-storage-url'];
  if (!isSuccess(answer) || token === undefined) throw refusedLogin(account, answer);
  if (storageUrl === undefined || !URL.canParse(storageUrl)) {
    throw loginFailure(account, 'the answer tells no X-Storage-Url; set storage.swift.storageUrl');
  }
  const seconds = Number(answer.headers['x-auth-token-expires'] ?? NaN);
  return { token, storageUrl, expiresAt: now + lifeOf(seconds * 1000, USUAL_LIFE) };
}

function v3Login(account: OpenStackAccount, answer: LoginAnswer, { now }: LoginOptions): Login {
  const id = answer.headers['x-subject-token'];
  const token = tokenOf(answer.body);
  if (!isSuccess(answer) || id === undefined || token === undefined) throw refusedLogin(account, answer);
  // By Keystone's clock alone, which may differ from ours.
  const life = Date.parse(token.expires_at ?? '') - Date.parse(token.issued_at ?? '');
  const expiresAt = now + lifeOf(life, USUAL_LIFE);
  if (account.storageUrl !== undefined) return { token: id, storageUrl: account.storageUrl, expiresAt };
  const choice = chooseEndpoint(token.catalog, account);
  if ('problem' in choice) throw loginFailure(account, choice.problem);
  return { token: id, storageUrl: choice.url, expiresAt };
}

interface KeystoneToken {
  readonly expires_at?: string;
  readonly issued_at?: string;
  readonly catalog?: Parameters<typeof chooseEndpoint>[0];
}

function tokenOf(body: unknown): KeystoneToken | undefined {
  return typeof body === 'object' && body !== null && 'token' in body
    ? (body.token as KeystoneToken)
    : undefined;
}

function isSuccess({ status }: LoginAnswer): boolean {
  return status >= 200 && status < 300;
}

/** Milliseconds that the token is surely good for. */
function lifeOf(told: number, usual: number): number {
  return Math.max((Number.isFinite(told) ? told : usual) - ROUNDING, 0);
}

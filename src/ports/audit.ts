import type { RepositoryName } from '../domain/repository-name.js';

/** What was done. It only grows. */
export const AUDIT_ACTIONS = [
  'login',
  'manifest.pull',
  'manifest.push',
  'manifest.delete',
  'blob.pull',
  'blob.delete',
  'tag.set',
  'tag.delete',
  'repository.delete',
  'repository.copy',
  'image.import',
  'image.export',
  'user.create',
  'user.update',
  'user.delete',
  'robot.create',
  'robot.update',
  'robot.delete',
  'grant.add',
  'grant.remove',
  'token.create',
  'token.rotate',
  'token.revoke',
  'key.rotate',
  'read-only.set',
  'log-level.set',
  'mirror.warm',
  'mirror.purge',
] as const;

export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** Who did something, and from where. */
export interface Actor {
  /** The subject of a login; empty for anonymous. Of the command line on the server `local:` and the system's user. */
  readonly by: string;
  /** Id of the access token that was used. */
  readonly token?: string;
  /** IP address of the client. */
  readonly from?: string;
}

/** One thing that was done or refused; never with a secret. */
export interface AuditEvent extends Actor {
  /** RFC 3339. */
  readonly at: string;
  readonly action: AuditAction;
  readonly outcome: 'ok' | 'denied' | 'failed';
  readonly repository?: string;
  /** A tag or digest, as it was asked for. */
  readonly reference?: string;
  readonly digest?: string;
  /** What is none of these, such as `user:alice` or the id of a token. */
  readonly target?: string;
  /** Further facts, in one line. */
  readonly detail?: string;
  /** How often within the time that one entry stands for; absent for once. */
  readonly count?: number;
}

export type NewAuditEvent = Omit<AuditEvent, 'at' | 'count'>;

/** Where servers and commands tell what is done. */
export interface AuditTrail {
  /** Resolves once the event would survive this process. @throws StorageError */
  record(event: NewAuditEvent): Promise<void>;
  /** Of what is done often: it is written within ten seconds, and a crash may lose it. */
  note(event: NewAuditEvent): void;
  /** Whether all that is done with the repository is to be recorded before it is answered. */
  isStrict(name: RepositoryName): boolean;
}

/** What of the trail is asked for; all that are given must hold. Times are milliseconds since 1970. */
export interface AuditQuery {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  readonly by?: string;
  readonly repository?: string;
  readonly action?: AuditAction;
}

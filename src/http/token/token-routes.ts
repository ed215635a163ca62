import { Router } from 'express';
import type { Request, Response } from 'express';
import { credentialsOf } from '../../auth/basic.js';
import type { SigningKeys } from '../../auth/signing-keys.js';
import type { TokenGrant, TokenRequest, TokenService } from '../../auth/token-service.js';
import { scopeText } from '../../domain/scope.js';
import { RegistryError } from '../../errors/registry-error.js';
import type { Credentials } from '../../ports/auth.js';
import type { BodyLimits } from '../body-reader.js';
import type { ClientOrigin } from '../client-origin.js';
import { noteFailedLogin } from '../request-notes.js';
import { certificateNameOf } from '../server.js';
import { formReader } from './form-reader.js';

export interface TokenRouteParts {
  readonly tokens: TokenService;
  readonly keys: Pick<SigningKeys, 'known'>;
  readonly origin: ClientOrigin;
}

type Wish = Omit<TokenRequest, 'address'>;

/** Every path that the routes answer. */
export const TOKEN_PATHS: readonly string[] = ['/token', '/.well-known/jwks.json'];

const NO_STORE = { 'Cache-Control': 'no-store' };

/**
 * GET and POST /token: bearer tokens for the registry API (distribution's token and OAuth 2.0 specifications);
 * GET /.well-known/jwks.json: the keys that sign them (RFC 7517).
 */
export function tokenRoutes({ tokens, keys, origin }: TokenRouteParts, forms?: BodyLimits): Router {
  const grantOf = async (req: Request, wish: Wish): Promise<TokenGrant> => {
    const address = origin.addressOf(req);
    try {
      return await tokens.grant({ ...wish, address });
    } catch (error) {
      noteFailedLogin(req, address, wish.credentials?.username);
      throw error;
    }
  };
  const router = Router({ caseSensitive: true, strict: true });
  router.get('/token', async (req, res) => {
    const wish = { ...wishOf(req), certificate: certificateNameOf(req) };
    const { token, refreshToken, expiresIn, issuedAt } = await grantOf(req, wish);
    res.set(NO_STORE).json({
      token,
      access_token: token,
      expires_in: expiresIn,
      issued_at: new Date(issuedAt).toISOString(),
      ...(refreshToken !== undefined && { refresh_token: refreshToken }),
    });
  });
  router.post('/token', formReader(forms), async (req, res) => {
    sendOAuth(res, await grantOf(req, formOf(req)));
  });
  router.get('/.well-known/jwks.json', async (_req, res) => {
    const published = (await keys.known()).map(({ id, publicKey }) => ({
      ...publicKey.export({ format: 'jwk' }),
      kid: id,
      alg: 'ES256',
      use: 'sig',
    }));
    res.json({ keys: published });
  });
  return router;
}

/** RFC 6749 §5.1; distribution's specification requires every member. */
function sendOAuth(res: Response, { token, refreshToken, expiresIn, issuedAt, scopes }: TokenGrant): void {
  res.set(NO_STORE).json({
    access_token: token,
    token_type: 'Bearer',
    expires_in: expiresIn,
    issued_at: new Date(issuedAt).toISOString(),
    scope: scopes.map(scopeText).join(' '),
    ...(refreshToken !== undefined && { refresh_token: refreshToken }),
  });
}

function wishOf(req: Request): Wish {
  const query = new URL(req.originalUrl, 'http://localhost').searchParams;
  return {
    credentials: basicOf(req),
    scopes: query.getAll('scope'),
    service: query.get('service') ?? undefined,
    offline: query.get('offline_token') === 'true',
  };
}

function basicOf({ headers: { authorization } }: Request): Credentials | undefined {
  return authorization === undefined ? undefined : credentialsOf(authorization);
}

/** RFC 6749 §4.3.2 and §6. */
function formOf(req: Request): Wish {
  const form = new Form(req.body as unknown);
  const wish = {
    scopes: form.all('scope'),
    service: form.one('service'),
    offline: form.one('access_type') === 'offline',
  };
  const type = form.one('grant_type');
  if (type === 'refresh_token') return { ...wish, refreshToken: form.required('refresh_token') };
  if (type === 'password') {
    const credentials = { username: form.required('username'), secret: form.required('password') };
    return { ...wish, credentials };
  }
  throw badRequest('grant_type must be password or refresh_token');
}

class Form {
  private readonly fields: Readonly<Record<string, string | string[] | undefined>>;

  constructor(body: unknown) {
    if (typeof body !== 'object' || body === null) throw badRequest('send application/x-www-form-urlencoded');
    this.fields = body as Record<string, string | string[]>;
  }

  all(name: string): readonly string[] {
    const value = this.fields[name];
    return value === undefined ? [] : Array.isArray(value) ? value : [value];
  }

  one(name: string): string | undefined {
    return this.all(name)[0];
  }

  required(name: string): string {
    const value = this.one(name);
    if (value === undefined || value === '') throw badRequest(`${name} is missing`);
    return value;
  }
}

function badRequest(message: string): RegistryError {
  return new RegistryError('UNSUPPORTED', message, { status: 400 });
}

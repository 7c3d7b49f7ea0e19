// Access control: known Host headers (DNS rebinding), no cross-site requests (CSRF), and the token.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { hostname, networkInterfaces } from 'node:os';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { HttpProblem } from './problem.ts';
import { countWrongTokens, type WrongTokens } from './rate-limits.ts';

export interface GuardOptions {
  token: string | undefined;
  /** Allowed host names besides those of this machine. */
  allowHosts: readonly string[];
  corsOrigins: readonly string[];
}

export const SESSION_COOKIE = 'imgcls_session';

/** Compares tokens by digest, in constant time. */
class Token {
  readonly #digest: Buffer;
  /** The cookie value that a browser keeps instead of the token. */
  readonly session: string;

  constructor(token: string) {
    this.#digest = digestOf(token);
    this.session = createHmac('sha256', token).update('imgcls session').digest('base64url');
  }

  isToken(candidate: string): boolean {
    return timingSafeEqual(digestOf(candidate), this.#digest);
  }

  isSession(candidate: string): boolean {
    return timingSafeEqual(digestOf(candidate), digestOf(this.session));
  }
}

/** Requires the token of callers, and limits their guesses. */
export class TokenCheck {
  readonly #token: Token;
  readonly #wrong: WrongTokens;

  constructor(token: Token, wrong: WrongTokens) {
    this.#token = token;
    this.#wrong = wrong;
  }

  get session(): string {
    return this.#token.session;
  }

  /** @throws {HttpProblem} if it is wrong, or too many of this address were. */
  async require(request: FastifyRequest, candidate: string): Promise<void> {
    await this.#wrong.refuseGuesser(request);
    if (this.#token.isToken(candidate)) return;
    await this.#wrong.add(request);
    throw unauthorised('Wrong token.');
  }

  /** Accepts the token, or the cookie. Nobody can guess the cookie, so an old one of a browser is not counted. */
  async requireAny(request: FastifyRequest): Promise<void> {
    const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (bearer !== undefined) return await this.require(request, bearer);
    const session = request.cookies[SESSION_COOKIE];
    if (session === undefined || !this.#token.isSession(session)) throw unauthorised('A token is required.');
  }
}

const unauthorised = (message: string): HttpProblem =>
  new HttpProblem(401, message, {
    hint: 'Send it as "Authorization: Bearer TOKEN".',
    headers: { 'www-authenticate': 'Bearer' },
  });

/** Digests have equal lengths, as `timingSafeEqual` requires. */
const digestOf = (text: string): Buffer => createHmac('sha256', 'imgcls').update(text).digest();

/** Health checks have no token, and the page's token form does not have it yet. */
const OPEN_ROUTES = new Set(['/healthz', '/readyz', '/v1/session']);

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Needs no token: files of the page, which contain nothing about jobs. */
    isPublic?: boolean;
  }
}

/** Registers the checks, in this order, before all others but the limit of requests. */
export function guard(
  app: FastifyInstance,
  { token, allowHosts, corsOrigins }: GuardOptions,
): TokenCheck | undefined {
  const hosts = new Set([...namesOfThisMachine(), ...allowHosts].map((name) => name.toLowerCase()));
  const check = token === undefined ? undefined : new TokenCheck(new Token(token), countWrongTokens(app));
  app.addHook('onRequest', async (request) => {
    if (!isKnownHost(request.headers.host, hosts)) {
      throw new HttpProblem(421, 'This host name is not allowed.', {
        hint: 'The operator can allow it with --allow-hosts.',
      });
    }
    if (isCrossSite(request, corsOrigins)) {
      throw new HttpProblem(403, 'Cross-site requests cannot change anything.');
    }
    const { config, url = '' } = request.routeOptions;
    if (config.isPublic !== true && !OPEN_ROUTES.has(url)) await check?.requireAny(request);
  });
  return check;
}

/** Names and addresses of this machine. Others are refused, against DNS rebinding. */
function namesOfThisMachine(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return ['localhost', hostname(), ...addresses.map(({ address }) => address.replace(/%.*$/, ''))];
}

function isKnownHost(host: string | undefined, known: ReadonlySet<string>): boolean {
  if (host === undefined) return false;
  const [, bracketed, plain = ''] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::\d{1,5})?$/i.exec(host) ?? [];
  return known.has((bracketed ?? plain).toLowerCase());
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Browsers send Origin or Sec-Fetch-Site. Other programs send neither, and cannot be misused by another site. */
function isCrossSite({ method, headers }: FastifyRequest, corsOrigins: readonly string[]): boolean {
  if (SAFE_METHODS.has(method)) return false;
  const { origin, host } = headers;
  if (origin !== undefined) {
    if (corsOrigins.includes(origin)) return false;
    return !URL.canParse(origin) || new URL(origin).host !== host?.toLowerCase();
  }
  const site = headers['sec-fetch-site'];
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}

// Access control: known Host headers (DNS rebinding), no cross-site requests (CSRF), and the token.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { hostname, networkInterfaces } from 'node:os';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Clock } from '../core/runtime/clock.ts';
import { prefersHtml } from './negotiation.ts';
import { HttpProblem } from './problem.ts';
import { countWrongTokens, type WrongTokens } from './rate-limits.ts';

export interface GuardOptions {
  token: string | undefined;
  /** Allowed host names besides those of this machine. */
  allowHosts: readonly string[];
  corsOrigins: readonly string[];
  clock: Clock;
}

export const SESSION_COOKIE = 'imgcls_session';
/** A browser that is used every week enters the token about as often. */
export const SESSION_SECONDS = 7 * 24 * 3600;

/** Compares tokens by digest, in constant time. */
class Token {
  readonly #token: string;
  readonly #digest: Buffer;

  constructor(token: string) {
    this.#token = token;
    this.#digest = digestOf(token);
  }

  /** The cookie value that a browser keeps instead of the token, valid until this second. */
  session(untilS: number): string {
    const signature = createHmac('sha256', this.#token).update(`imgcls session ${untilS}`);
    return `${untilS}.${signature.digest('base64url')}`;
  }

  isToken(candidate: string): boolean {
    return timingSafeEqual(digestOf(candidate), this.#digest);
  }

  isSession(candidate: string, nowS: number): boolean {
    const untilS = Number.parseInt(candidate, 10);
    return nowS < untilS && timingSafeEqual(digestOf(candidate), digestOf(this.session(untilS)));
  }
}

/** Requires the token of callers, and limits their guesses. */
export class TokenCheck {
  readonly #token: Token;
  readonly #wrong: WrongTokens;
  readonly #clock: Pick<Clock, 'nowMs'>;

  constructor(token: Token, wrong: WrongTokens, clock: Pick<Clock, 'nowMs'>) {
    this.#token = token;
    this.#wrong = wrong;
    this.#clock = clock;
  }

  /** The value of a new cookie. */
  newSession(): string {
    return this.#token.session(this.#nowS + SESSION_SECONDS);
  }

  get #nowS(): number {
    return Math.floor(this.#clock.nowMs() / 1000);
  }

  /** @throws {HttpProblem} if it is wrong, or too many of this address were. */
  async require(request: FastifyRequest, candidate: string): Promise<void> {
    await this.#wrong.refuseGuesser(request);
    if (this.#token.isToken(candidate)) return;
    await this.#wrong.add(request);
    throw unauthorised('Wrong token.');
  }

  /** Accepts the token, or the cookie. The cookie cannot be guessed, so an old one of a browser is not counted. */
  async requireAny(request: FastifyRequest): Promise<void> {
    const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (bearer !== undefined) return await this.require(request, bearer);
    const session = request.cookies[SESSION_COOKIE];
    if (session === undefined || !this.#token.isSession(session, this.#nowS))
      throw unauthorised('A token is required.');
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
  { token, allowHosts, corsOrigins, clock }: GuardOptions,
): TokenCheck | undefined {
  const hosts = new Set([...namesOfThisMachine(), ...allowHosts].map((name) => name.toLowerCase()));
  const check =
    token === undefined ? undefined : new TokenCheck(new Token(token), countWrongTokens(app), clock);
  app.addHook('onRequest', async (request) => {
    if (!hasOneHost(request))
      throw new HttpProblem(400, 'The request must name one host, in one Host header.');
    if (!isKnownHost(request.headers.host, hosts)) {
      throw new HttpProblem(421, 'This host name is not allowed.', {
        hint: 'The operator can allow it with --allow-hosts.',
      });
    }
    if (isCrossSite(request, corsOrigins)) {
      throw new HttpProblem(403, 'Cross-site requests cannot change anything.');
    }
    const { config, url = '' } = request.routeOptions;
    // Browsers get the page at unknown paths too, and it asks for the token.
    const isOpen =
      config.isPublic === true || OPEN_ROUTES.has(url) || (request.is404 && prefersHtml(request));
    if (!isOpen) await check?.requireAny(request);
  });
  return check;
}

/** Names and addresses of this machine. Others are refused, against DNS rebinding. */
function namesOfThisMachine(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return ['localhost', hostname(), ...addresses.map(({ address }) => address.replace(/%.*$/, ''))];
}

/** Proxies in front of the service may read another one of several hosts than it does. */
function hasOneHost({ headers, raw }: FastifyRequest): boolean {
  const isName = (_: string, at: number) => at % 2 === 0;
  const named = raw.rawHeaders.filter(isName).filter((name) => name.toLowerCase() === 'host').length;
  const { url = '' } = raw;
  const isPath = url.startsWith('/') || url === '*';
  return named <= 1 && (isPath || (URL.canParse(url) && new URL(url).host === headers.host?.toLowerCase()));
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

// Who may ask at all: the right Host, no other site's page, and whoever knows the token.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { hostname, networkInterfaces } from 'node:os';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { HttpProblem } from './problem.ts';

export interface GuardOptions {
  token: string | undefined;
  /** Names besides those of the machine itself under which the service may be called. */
  allowHosts: readonly string[];
  corsOrigins: readonly string[];
}

export const SESSION_COOKIE = 'imgcls_session';

/** Knows the token without giving it away: compares digests, in constant time. */
export class Token {
  readonly #digest: Buffer;
  /** What a browser keeps in place of the token. */
  readonly session: string;

  constructor(token: string) {
    this.#digest = digestOf(token);
    this.session = createHmac('sha256', token).update('imgcls session').digest('base64url');
  }

  isToken(given: string): boolean {
    return timingSafeEqual(digestOf(given), this.#digest);
  }

  isSession(given: string): boolean {
    return timingSafeEqual(digestOf(given), digestOf(this.session));
  }
}

/** Of equal length whatever was given. */
const digestOf = (text: string): Buffer => createHmac('sha256', 'imgcls').update(text).digest();

/** A page that asks for the token, and a probe that knows none, get what they need. */
const OPEN_ROUTES = new Set(['/healthz', '/readyz', '/v1/session']);

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Anybody may have it: the page itself, without a word about jobs. */
    isPublic?: boolean;
  }
}

/** Registers the guards, in this order, in front of everything else. */
export function guard(
  app: FastifyInstance,
  { token, allowHosts, corsOrigins }: GuardOptions,
): Token | undefined {
  const hosts = new Set([...ownNames(), ...allowHosts].map((name) => name.toLowerCase()));
  const known = token === undefined ? undefined : new Token(token);
  app.addHook('onRequest', async (request) => {
    if (!isKnownHost(request.headers.host, hosts)) {
      throw new HttpProblem(421, 'The service does not answer under this host name.', {
        hint: 'Its operator allows a name with --allow-hosts.',
      });
    }
    if (isCrossSite(request, corsOrigins)) {
      throw new HttpProblem(403, 'Pages of other sites may not change anything here.');
    }
    const { config, url = '' } = request.routeOptions;
    if (
      known !== undefined &&
      config.isPublic !== true &&
      !OPEN_ROUTES.has(url) &&
      !isAuthorised(request, known)
    ) {
      throw new HttpProblem(401, 'The service asks for its token.', {
        hint: 'Send it as "Authorization: Bearer TOKEN".',
        headers: { 'www-authenticate': 'Bearer' },
      });
    }
  });
  return known;
}

/** Names and addresses of this machine. A page under another name cannot pass for ours by DNS rebinding. */
function ownNames(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return ['localhost', hostname(), ...addresses.map(({ address }) => address.replace(/%.*$/, ''))];
}

function isKnownHost(host: string | undefined, known: ReadonlySet<string>): boolean {
  if (host === undefined) return false;
  const [, bracketed, plain = ''] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::\d{1,5})?$/i.exec(host) ?? [];
  return known.has((bracketed ?? plain).toLowerCase());
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Browsers say where a request comes from; programs say nothing, and act on nobody's behalf. */
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

function isAuthorised(request: FastifyRequest, token: Token): boolean {
  const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return token.isToken(bearer);
  const session = request.cookies[SESSION_COOKIE];
  return session !== undefined && token.isSession(session);
}

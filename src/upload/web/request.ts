import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { type Closeness, closenessOf } from '../../core/network/closeness.ts';
import { cannotFetch } from './fetch-error.ts';

/** A connection that nothing uses for so long is closed: a job may ask thousands of hosts, each of them once. */
const IDLE_MS = 4000;

export interface ConnectionsOptions {
  /** How host names are resolved. */
  lookup: LookupFunction;
  /** How long connections are kept for the next request. Default: 4 s. */
  idleMs?: number;
}

const HEADERS = {
  'user-agent': 'imgcls',
  accept: 'image/*, */*;q=0.5',
  'accept-encoding': 'identity',
};

/**
 * Makes requests, and keeps connections open for the next ones. The address of a host is checked when it is resolved for the
 * connection itself, so that no later answer of a name server can lead elsewhere.
 */
export class Connections {
  readonly #lookup: LookupFunction;
  readonly #idleMs: number;
  /** By closeness: a connection that one request may have is not used for another that may not. */
  readonly #agents = new Map<string, http.Agent>();

  constructor({ lookup, idleMs = IDLE_MS }: ConnectionsOptions) {
    this.#lookup = lookup;
    this.#idleMs = idleMs;
  }

  /** @param closest no closer address is connected to. @returns the response, whose body is still to be read. */
  get(url: URL, { closest, signal }: { closest: Closeness; signal: AbortSignal }): Promise<IncomingMessage> {
    // An address in numbers is not looked up.
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && closenessOf(host) > closest) throw tooClose(host);
    const { get } = url.protocol === 'https:' ? https : http;
    const options = {
      agent: this.#agentOf(url.protocol, closest),
      headers: HEADERS,
      lookup: notCloser(this.#lookup, closest),
      signal,
    };
    return new Promise((resolve, reject) => {
      get(url, options, resolve).on('error', reject);
    });
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }

  #agentOf(protocol: string, closest: Closeness): http.Agent {
    const name = `${protocol}${closest}`;
    const { Agent } = protocol === 'https:' ? https : http;
    const agent = this.#agents.get(name) ?? new Agent({ keepAlive: true, timeout: this.#idleMs });
    this.#agents.set(name, agent);
    return agent;
  }
}

/** Of the addresses of a host only those that are not closer. */
const notCloser =
  (lookup: LookupFunction, closest: Closeness): LookupFunction =>
  (host, options, callback) =>
    lookup(host, { ...options, all: true }, (error, found) => {
      const addresses = (Array.isArray(found) ? found : []).filter(
        ({ address }) => closenessOf(address) <= closest,
      );
      const [first] = addresses;
      if (error !== null) callback(error, '');
      else if (first === undefined) callback(tooClose(host), '');
      else if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });

const tooClose = (host: string) => cannotFetch(`${host} is in a private network or on this machine`);

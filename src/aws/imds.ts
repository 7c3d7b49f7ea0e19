/** A client of the EC2 instance metadata service, version 2: it fetches a token and sends it with each request. */
import * as z from 'zod';
import type { MachineNotice } from '../core/fleet/machine.ts';
import type { Clock } from '../core/runtime/clock.ts';

const DEFAULT_ENDPOINT = 'http://169.254.169.254';
const TOKEN_TTL_SECONDS = 21_600;
const REQUEST_TIMEOUT_MS = 1000;
/** The interval that AWS recommends. A spot notice comes two minutes before the interruption. */
const POLL_MS = 5000;
/** Right after boot the service may not respond yet, and the controller cannot match a worker with a wrong id. */
const IDENTITY_TRIES = 4;
const IDENTITY_PAUSE_MS = 1000;

const identity = z.object({
  instanceId: z.string(),
  instanceType: z.string(),
  region: z.string(),
  /** When the instance was launched. */
  pendingTime: z.coerce.date().optional(),
});
export type InstanceIdentity = z.infer<typeof identity>;

export class MetadataService {
  readonly #endpoint: string;
  #token: string | undefined;

  /** Undefined if the environment disables the service. */
  static of(env: NodeJS.ProcessEnv): MetadataService | undefined {
    if (env.AWS_EC2_METADATA_DISABLED?.toLowerCase() === 'true') return undefined;
    return new MetadataService(env.AWS_EC2_METADATA_SERVICE_ENDPOINT || DEFAULT_ENDPOINT);
  }

  constructor(endpoint: string) {
    this.#endpoint = endpoint.replace(/\/$/, '');
  }

  /** Undefined if no metadata service responds after a few attempts: this machine is not an EC2 instance. */
  async identity(clock: Clock): Promise<InstanceIdentity | undefined> {
    for (let left = IDENTITY_TRIES; left > 0; left--) {
      try {
        const text = await this.#get('/latest/dynamic/instance-identity/document');
        return text === undefined ? undefined : identity.parse(JSON.parse(text));
      } catch {
        if (left > 1) await clock.sleep(IDENTITY_PAUSE_MS);
      }
    }
    return undefined;
  }

  /** @throws if the service does not respond. */
  async notice(): Promise<MachineNotice | undefined> {
    if ((await this.#get('/latest/meta-data/spot/instance-action')) !== undefined) return 'spot';
    const rebalance = await this.#get('/latest/meta-data/events/recommendations/rebalance');
    return rebalance === undefined ? undefined : 'rebalance';
  }

  /** Undefined if the service has no such item (404). */
  async #get(path: string): Promise<string | undefined> {
    this.#token ??= await this.#newToken();
    const headers = { 'x-aws-ec2-metadata-token': this.#token };
    const response = await fetch(`${this.#endpoint}${path}`, { headers, signal: timeout() });
    const text = await response.text();
    if (response.ok) return text;
    if (response.status === 404) return undefined;
    // An expired token is replaced at the next request.
    this.#token = undefined;
    throw new Error(`The instance metadata service answered ${response.status} to ${path}.`);
  }

  async #newToken(): Promise<string> {
    const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_TTL_SECONDS) };
    const response = await fetch(`${this.#endpoint}/latest/api/token`, {
      method: 'PUT',
      headers,
      signal: timeout(),
    });
    const token = await response.text();
    if (!response.ok) throw new Error(`The instance metadata service gave no token (${response.status}).`);
    return token;
  }
}

const timeout = () => AbortSignal.timeout(REQUEST_TIMEOUT_MS);

export interface ReclaimWatch {
  clock: Clock;
  signal: AbortSignal;
  /** Called at the first rebalance recommendation. */
  onRebalance(): void;
}

/** Polls every 5 s until EC2 reclaims the machine (true) or the signal aborts. Errors of the service do not end the polling. */
export async function untilReclaimed(
  service: Pick<MetadataService, 'notice'>,
  { clock, signal, onRebalance }: ReclaimWatch,
): Promise<boolean> {
  let isNoted = false;
  while (!signal.aborted) {
    const notice = await service.notice().catch(() => undefined);
    if (notice === 'spot') return true;
    if (notice === 'rebalance' && !isNoted) onRebalance();
    isNoted ||= notice === 'rebalance';
    await clock.sleep(POLL_MS, signal);
  }
  return false;
}

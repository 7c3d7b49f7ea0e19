/** What an EC2 instance may ask about itself: the instance metadata service, version 2 (a token, then questions). */
import * as z from 'zod';
import type { Interruption } from '../core/fleet/machine.ts';
import type { Clock } from '../core/runtime/clock.ts';

const DEFAULT_ENDPOINT = 'http://169.254.169.254';
const TOKEN_TTL_SECONDS = 21_600;
const REQUEST_TIMEOUT_MS = 1000;
/** As often as AWS asks for: a notice comes two minutes before. */
const POLL_MS = 5000;
/** Right after a boot the service may not answer yet, and a worker under a wrong name is nobody's. */
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

  /** Undefined where the environment says that there is none. */
  static of(env: NodeJS.ProcessEnv): MetadataService | undefined {
    if (env.AWS_EC2_METADATA_DISABLED?.toLowerCase() === 'true') return undefined;
    return new MetadataService(env.AWS_EC2_METADATA_SERVICE_ENDPOINT || DEFAULT_ENDPOINT);
  }

  constructor(endpoint: string) {
    this.#endpoint = endpoint.replace(/\/$/, '');
  }

  /** Undefined where no metadata service answers, asked a few times: this is no EC2 instance. */
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

  /** @throws when the service does not answer. */
  async interruption(): Promise<Interruption | undefined> {
    if ((await this.#get('/latest/meta-data/spot/instance-action')) !== undefined) return 'spot';
    const rebalance = await this.#get('/latest/meta-data/events/recommendations/rebalance');
    return rebalance === undefined ? undefined : 'rebalance';
  }

  /** Undefined where there is no such thing to tell. */
  async #get(path: string): Promise<string | undefined> {
    this.#token ??= await this.#newToken();
    const headers = { 'x-aws-ec2-metadata-token': this.#token };
    const answer = await fetch(`${this.#endpoint}${path}`, { headers, signal: timeout() });
    const text = await answer.text();
    if (answer.ok) return text;
    if (answer.status === 404) return undefined;
    // A token that has run out is replaced at the next question.
    this.#token = undefined;
    throw new Error(`The instance metadata service answered ${answer.status} to ${path}.`);
  }

  async #newToken(): Promise<string> {
    const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_TTL_SECONDS) };
    const answer = await fetch(`${this.#endpoint}/latest/api/token`, {
      method: 'PUT',
      headers,
      signal: timeout(),
    });
    const token = await answer.text();
    if (!answer.ok) throw new Error(`The instance metadata service gives no token (${answer.status}).`);
    return token;
  }
}

const timeout = () => AbortSignal.timeout(REQUEST_TIMEOUT_MS);

/** Asks every 5 s, through whatever the service does, until there is something to tell or the signal aborts. */
export async function untilInterruption(
  service: Pick<MetadataService, 'interruption'>,
  clock: Clock,
  signal: AbortSignal,
): Promise<Interruption | undefined> {
  while (!signal.aborted) {
    const found = await service.interruption().catch(() => undefined);
    if (found !== undefined) return found;
    await clock.sleep(POLL_MS, signal);
  }
  return undefined;
}

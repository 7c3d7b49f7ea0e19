import { priceOf } from '../../src/core/money/prices.ts';

/** The live test is not permitted to run, or not at this cost. */
export class Refusal extends Error {}

/** What the live test is permitted to do. */
export interface Permission {
  /** The only AWS account that it may use. */
  account: string;
  /** Timeout, after which it cleans up. */
  minutes: number;
  /** Maximum cost in US dollars. */
  maxUsd: number;
  /** An existing machine image. Without one the test builds one, which takes 10 minutes. */
  image: string | undefined;
}

/** The machines of the test. */
export const MACHINES = { worker: 'c7i.large', most: 2 } as const;

const DEFAULT_MINUTES = 60;
/** Time limit of the clean-up, in which machines still cost money. */
const CLEAN_UP_MINUTES = 30;
const DEFAULT_MAX_USD = 2;
/** Endpoints, disks, a snapshot, requests and logs, rounded up. */
const SUNDRIES_USD = 0.5;

const HOW =
  'Set IMGCLS_LIVE=1 and IMGCLS_LIVE_ACCOUNT=<12 digits>. The test creates and deletes a cluster in that account, which costs money.';

/** @throws {Refusal} unless the environment permits the test and names an account. */
export function permission(env: NodeJS.ProcessEnv): Permission {
  if (env.IMGCLS_LIVE !== '1')
    throw new Refusal(`The live test uses a real AWS account and must be enabled. ${HOW}`);
  const account = env.IMGCLS_LIVE_ACCOUNT ?? '';
  if (!/^\d{12}$/.test(account))
    throw new Refusal(`IMGCLS_LIVE_ACCOUNT must be an account id, not "${account}". ${HOW}`);
  const image = env.IMGCLS_LIVE_IMAGE;
  if (image !== undefined && !/^ami-[0-9a-f]+$/.test(image))
    throw new Refusal(`IMGCLS_LIVE_IMAGE must be a machine image id (ami-...), not "${image}".`);
  return {
    account,
    minutes: positive(env, 'IMGCLS_LIVE_MINUTES', DEFAULT_MINUTES),
    maxUsd: positive(env, 'IMGCLS_LIVE_MAX_USD', DEFAULT_MAX_USD),
    image,
  };
}

function positive(env: NodeJS.ProcessEnv, name: string, fallback: number): number {
  const value = Number(env[name] ?? fallback);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new Refusal(`${name} must be a number above 0, not "${env[name]}".`);
}

/** @throws {Refusal} when the credentials belong to another account. */
export function checkAccount({ account }: Permission, found: string): void {
  if (found === account) return;
  throw new Refusal(
    `The credentials belong to account ${found}, but IMGCLS_LIVE_ACCOUNT permits only ${account}.`,
  );
}

/** Maximum cost in US dollars: all machines for the whole time limit. */
export function mostUsd({ minutes, image }: Permission): number {
  const hours = (minutes + CLEAN_UP_MINUTES) / 60;
  const hourly = (type: string) => {
    const usd = priceOf(type, 'on-demand');
    if (usd === undefined) throw new Error(`The price of ${type} is unknown.`);
    return usd;
  };
  const workers = MACHINES.most + (image === undefined ? 1 : 0);
  return hours * workers * hourly(MACHINES.worker) + SUNDRIES_USD;
}

/** @returns the quote as text. @throws {Refusal} when it exceeds the permitted cost. */
export function quote(allowed: Permission): string {
  const usd = mostUsd(allowed);
  const text = `at most ${usd.toFixed(2)} US dollars: ${MACHINES.most} workers (${MACHINES.worker})${
    allowed.image === undefined ? ', one machine that builds the image' : ''
  }, for at most ${allowed.minutes} minutes and the clean-up`;
  if (usd <= allowed.maxUsd) return text;
  throw new Refusal(`The test may cost ${text}. IMGCLS_LIVE_MAX_USD permits ${allowed.maxUsd}.`);
}

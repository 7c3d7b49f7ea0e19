import { priceOf } from '../../src/core/money/prices.ts';

/** Why the live test does not begin: a person has not agreed to it, or to what it would do. */
export class Refusal extends Error {}

/** What somebody allows the live test to do. */
export interface Permission {
  /** The AWS account that it may use, and no other. */
  account: string;
  /** It gives up after so long, and cleans up. */
  minutes: number;
  /** The most that it may cost, in US dollars. */
  maxUsd: number;
  /** A machine image to take in place of building one, which takes ten minutes. */
  image: string | undefined;
}

/** The machines of the story. */
export const MACHINES = { worker: 'c7i.large', most: 2, controller: 't3.small' } as const;

const DEFAULT_MINUTES = 60;
/** Clean-up has its own time, in which machines still cost. */
const CLEAN_UP_MINUTES = 30;
const DEFAULT_MAX_USD = 2;
/** Endpoints, disks, a snapshot, requests and log, rounded up. */
const SUNDRIES_USD = 0.5;

const HOW =
  'IMGCLS_LIVE=1 says that it may run, IMGCLS_LIVE_ACCOUNT=<12 digits> in which account. It makes and removes a cluster there, and costs money.';

/** @throws {Refusal} unless the environment says that it may run, and where. */
export function permission(env: NodeJS.ProcessEnv): Permission {
  if (env.IMGCLS_LIVE !== '1')
    throw new Refusal(`The live test runs on a real AWS account, and only when asked. ${HOW}`);
  const account = env.IMGCLS_LIVE_ACCOUNT ?? '';
  if (!/^\d{12}$/.test(account))
    throw new Refusal(`IMGCLS_LIVE_ACCOUNT is "${account}", and no account. ${HOW}`);
  const image = env.IMGCLS_LIVE_IMAGE;
  if (image !== undefined && !/^ami-[0-9a-f]+$/.test(image))
    throw new Refusal(`IMGCLS_LIVE_IMAGE is "${image}", and no machine image.`);
  return {
    account,
    minutes: positive(env, 'IMGCLS_LIVE_MINUTES', DEFAULT_MINUTES),
    maxUsd: positive(env, 'IMGCLS_LIVE_MAX_USD', DEFAULT_MAX_USD),
    image,
  };
}

function positive(env: NodeJS.ProcessEnv, name: string, usual: number): number {
  const value = Number(env[name] ?? usual);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new Refusal(`${name} is "${env[name]}", and no number above 0.`);
}

/** @throws {Refusal} where the credentials are those of another account. */
export function checkAccount({ account }: Permission, found: string): void {
  if (found === account) return;
  throw new Refusal(
    `The credentials are those of account ${found}; IMGCLS_LIVE_ACCOUNT allows ${account} alone.`,
  );
}

/** What the story can cost at most: all its machines, for as long as it may take. In US dollars. */
export function mostUsd({ minutes, image }: Permission): number {
  const hours = (minutes + CLEAN_UP_MINUTES) / 60;
  const hourly = (type: string) => {
    const usd = priceOf(type, 'on-demand');
    if (usd === undefined) throw new Error(`The price of ${type} is not known.`);
    return usd;
  };
  const workers = MACHINES.most + (image === undefined ? 1 : 0);
  return hours * (workers * hourly(MACHINES.worker) + hourly(MACHINES.controller)) + SUNDRIES_USD;
}

/** @returns the quote, in words. @throws {Refusal} where it is above what is allowed. */
export function quote(allowed: Permission): string {
  const usd = mostUsd(allowed);
  const text = `at most ${usd.toFixed(2)} US dollars: ${MACHINES.most} workers (${MACHINES.worker})${
    allowed.image === undefined ? ', one machine that builds their image' : ''
  }, a controller (${MACHINES.controller}), for at most ${allowed.minutes} minutes and the clean-up`;
  if (usd <= allowed.maxUsd) return text;
  throw new Refusal(`It may cost ${text}. IMGCLS_LIVE_MAX_USD allows ${allowed.maxUsd}.`);
}

// Reads what a repository of the Hugging Face Hub has, at one commit.

import * as z from 'zod';
import { isTemporary } from '../../core/network/answers.ts';
import { backoffMs } from '../../core/runtime/backoff.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import { firstIssue } from '../../core/runtime/versioned.ts';
import { harmless } from '../../core/text/harmless.ts';
import { LaterError, problemOf } from '../download.ts';
import { type AddressesOf, fetchFollowing } from '../redirects.ts';
import type { HubReference } from './reference.ts';

export const HUB_ENDPOINT = 'https://huggingface.co';

/** Where the Hub is, as its own programs are told: HF_ENDPOINT and HF_TOKEN. */
export interface HubAccess {
  endpoint: string;
  token?: string | undefined;
}

export interface HubTools {
  access: HubAccess;
  clock: Pick<Clock, 'sleep'>;
  random(): number;
  signal?: AbortSignal | undefined;
  /** For tests. */
  addressesOf?: AddressesOf | undefined;
}

export interface HubFile {
  path: string;
  bytes: number;
  /** Of large files the sha256, of others the id that git gives them. */
  digest: { kind: 'sha256' | 'git'; hex: string };
}

export interface HubRepository {
  /** `OWNER/NAME`. */
  id: string;
  commit: string;
  files: HubFile[];
  /** Undefined if its card names none. */
  licence: string | undefined;
  /** Its owner has set conditions of access. */
  isGated: boolean;
}

const sha1 = z.string().regex(/^[0-9a-f]{40}$/);
const sibling = z.object({
  rfilename: z.string(),
  size: z.int().nonnegative().optional(),
  blobId: sha1.optional(),
  lfs: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), size: z.int().nonnegative() }).nullish(),
});
const answer = z.object({
  sha: sha1,
  gated: z.union([z.boolean(), z.string()]).optional(),
  cardData: z
    .object({
      license: z.union([z.string(), z.array(z.string())]).nullish(),
      license_name: z.string().nullish(),
    })
    .nullish(),
  siblings: z.array(sibling),
});

const TIMEOUT_MS = 30_000;
const MAX_RETRIES = 5;
const MAX_PAUSE_MS = 60_000;
/** A listing of a thousand files has some 300 KB. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

export const cardOf = ({ endpoint }: HubAccess, repository: string): string => `${endpoint}/${repository}`;

export const authorizationOf = ({ token }: HubAccess): string | undefined =>
  token === undefined ? undefined : `Bearer ${token}`;

/** @throws {ImgclsError} that says what the Hub refuses, or that it cannot be reached. */
export async function readRepository(reference: HubReference, tools: HubTools): Promise<HubRepository> {
  const { repository, revision } = reference;
  const url = `${tools.access.endpoint}/api/models/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const parsed = answer.safeParse(await readAnswer(url, reference, tools));
  if (!parsed.success)
    throw new ImgclsError(
      'permanent',
      `${url} is not an answer of the Hugging Face Hub: ${firstIssue(parsed.error)}.`,
      { hint: 'Check HF_ENDPOINT.' },
    );
  const { sha, gated, cardData, siblings } = parsed.data;
  if (/^[0-9a-f]{40}$/.test(revision) && sha !== revision)
    throw new ImgclsError('permanent', `${url} answered with another commit, ${sha}.`);
  return {
    id: repository,
    commit: sha,
    files: siblings.flatMap(fileOf),
    licence: licenceIn(cardData ?? {}),
    isGated: gated !== undefined && gated !== false,
  };
}

/** A file without a digest or a size could not be checked, so it does not count. */
function fileOf({ rfilename: path, size, blobId, lfs }: z.infer<typeof sibling>): HubFile[] {
  if (lfs) return [{ path, bytes: lfs.size, digest: { kind: 'sha256', hex: lfs.sha256 } }];
  if (size === undefined || blobId === undefined) return [];
  return [{ path, bytes: size, digest: { kind: 'git', hex: blobId } }];
}

function licenceIn({
  license,
  license_name,
}: NonNullable<z.infer<typeof answer>['cardData']>): string | undefined {
  const [id, ...others] = typeof license === 'string' ? [license] : (license ?? []);
  const text = others.length > 0 ? [id, ...others].join(', ') : id === 'other' ? (license_name ?? id) : id;
  return text ? harmless(text) : undefined;
}

async function readAnswer(url: string, reference: HubReference, tools: HubTools): Promise<unknown> {
  const { clock, random, signal } = tools;
  for (let retries = 0; ; retries++) {
    try {
      return await ask(url, reference, tools);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof LaterError)) throw error;
      if (retries === MAX_RETRIES)
        throw new ImgclsError('transient', `Cannot read ${url}: ${error.message}.`, {
          hint: 'Try again later, or name a mirror with HF_ENDPOINT.',
          cause: error,
        });
      const pauses = { maxMs: MAX_PAUSE_MS, askedMs: error.askedMs };
      await clock.sleep(backoffMs(retries, random(), pauses), signal);
    }
  }
}

async function ask(
  url: string,
  reference: HubReference,
  { access, signal, addressesOf }: HubTools,
): Promise<unknown> {
  const authorization = authorizationOf(access);
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetchFollowing(url, {
    headers: authorization === undefined ? {} : { authorization },
    signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    addressesOf,
  }).catch((error: Error) => {
    throw error instanceof ImgclsError ? error : new LaterError(messageOf(error.cause ?? error));
  });
  if (isTemporary(response.status)) throw new LaterError(problemOf(response), response);
  if (!response.ok) throw explainRefusal(response, reference, access);
  return await boundedJson(response);
}

async function boundedJson(response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES)
      throw new ImgclsError(
        'permanent',
        `${response.url} answered with more than ${MAX_ANSWER_BYTES} bytes.`,
      );
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch (cause) {
    throw new ImgclsError('permanent', `${response.url} is not an answer of the Hugging Face Hub.`, {
      hint: 'Check HF_ENDPOINT.',
      cause,
    });
  }
}

/** What the Hub means by an answer that no retry changes. It names most reasons in a header. */
export function explainRefusal(
  response: Response,
  { repository, revision }: HubReference,
  access: HubAccess,
): ImgclsError {
  const refused = (message: string, hint: string) => new ImgclsError('permanent', message, { hint });
  const card = cardOf(access, repository);
  const { status } = response;
  const code = response.headers.get('x-error-code');
  const { host } = new URL(card);
  if (code === null && new URL(response.url).host !== host)
    return refused(`${problemOf(response)}.`, `${host} keeps the file there. Try again later.`);
  if (code === 'GatedRepo' || status === 403)
    return refused(
      `${repository} is gated: its owner has set conditions of access.`,
      access.token === undefined
        ? `Accept them at ${card}, then set HF_TOKEN to a token of your account.`
        : `Accept them at ${card}. The account of HF_TOKEN has no access yet.`,
    );
  if (code === 'RevisionNotFound')
    return refused(`${repository} has no revision "${revision}".`, `Its revisions are at ${card}/tree/main.`);
  if (code === 'EntryNotFound')
    return refused(`${response.url} does not exist.`, 'The model was changed meanwhile. Try again.');
  if (status === 401 && access.token !== undefined && code !== 'RepoNotFound')
    return refused(`${host} refuses the token in HF_TOKEN.`, 'Set a valid one, or none.');
  if (status === 401 || status === 404)
    return refused(
      `There is no model ${repository}, or it is private.`,
      access.token === undefined
        ? 'Check the name. For a private model set HF_TOKEN.'
        : 'Check the name, and whether the account of HF_TOKEN may read it.',
    );
  return refused(`${problemOf(response)}.`, `See ${card}.`);
}

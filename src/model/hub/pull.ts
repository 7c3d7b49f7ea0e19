// Installs a model of the Hugging Face Hub.

import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { modelTitle } from '../../core/model/model.ts';
import { ImgclsError, isTransient } from '../../core/runtime/errors.ts';
import { asMachineFault } from '../../core/runtime/machine-fault.ts';
import { isInCatalog } from '../catalog.ts';
import { discardPartial, downloadFile, type FileDownloadOptions } from '../download.ts';
import { sha256OfFile, TEXT_FILE, TOKENIZER_CONFIG_FILE, TOKENIZER_FILE } from '../folder.ts';
import { importModel } from '../import.ts';
import { MAX_WEIGHTS_BYTES, plainName, tooLarge } from '../import-source.ts';
import { stagingDir } from '../install.ts';
import { checkedName, type LibraryModel, type ModelLibrary } from '../library.ts';
import type { PulledModel } from '../pull.ts';
import { CONFIG_FILE } from './config.ts';
import { BOTH_PROCESSORS_FILE, MAX_JSON_BYTES, readSettings, withoutProcessor } from './folder.ts';
import { filesOfSides, hasSides, weightsFiles } from './layout.ts';
import { consentNeeded } from './licence.ts';
import { PROCESSOR_FILE } from './processor.ts';
import type { HubReference } from './reference.ts';
import {
  authorizationOf,
  cardOf,
  explainRefusal,
  type HubFile,
  type HubRepository,
  type HubTools,
  readRepository,
} from './repository.ts';
import { readZeroShot } from './zero-shot.ts';

/** The tokenizer of 256,000 words that SigLIP 2 has, the largest in use, has 34 MB. */
const MAX_TOKENIZER_BYTES = 64 * 1024 * 1024;

export interface HubPullOptions extends HubTools {
  library: ModelLibrary;
  /** Default: that of the repository. */
  name?: string | undefined;
  /** A person has accepted the terms of the model. */
  isAccepted: boolean;
  /** Called before anything is downloaded. */
  onFound(found: FoundModel): void;
  onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
  /** For tests. */
  transfer?: Pick<FileDownloadOptions, 'stallMs' | 'maxTries' | 'backoff'>;
}

export interface FoundModel {
  commit: string;
  licence: string | undefined;
  /** Address of the model card. */
  card: string;
  /** What is to be downloaded. */
  bytes: number;
  /** The commit of the same revision that is installed. */
  replaces: string | undefined;
}

/**
 * Installs the model at the commit that the revision has now. Each file is checked against the digest that the Hub has for it.
 * An interrupted download leaves partial files, from which the next pull continues; any other failure leaves nothing.
 * @throws {ImgclsError} that says what is missing, refused or wrong.
 */
export async function pullFromHub(reference: HubReference, options: HubPullOptions): Promise<PulledModel> {
  const { library, access } = options;
  const title = `hf:${reference.repository}`;
  const name = await freeName(title, options);
  const repository = await readRepository(reference, options);
  const chosen = chooseFiles(repository, reference.precision, title);
  const source = `${title}@${repository.commit}#${chosen.graph}`;
  const before = (await library.find(name)).filter(({ manifest }) =>
    manifest.source.endsWith(`#${chosen.graph}`),
  );
  const same = before.find(({ manifest }) => manifest.source === source);
  if (same !== undefined && (await isIntact(same, library)))
    return { dir: same.dir, manifest: same.manifest, already: true };
  options.onFound({
    commit: repository.commit,
    licence: repository.licence,
    card: cardOf(access, reference.repository),
    bytes: chosen.bytes,
    replaces: /@([0-9a-f]{40})#/.exec(before[0]?.manifest.source ?? '')?.[1],
  });
  checkConsent(repository, options);
  const origin = {
    version: repository.commit.slice(0, 12),
    licence: repository.licence ?? 'unknown',
    source,
  };
  const folder = stagingDir(library.modelsDir);
  const fetcher = new Fetcher(reference, repository.commit, chosen.bytes, options);
  try {
    await fetcher.discardOthers(repository.files);
    await download(chosen, folder, (file, to) => fetcher.fetch(file, to), title);
    const { precision } = reference;
    const { dir, manifest } = await importModel(folder, { library, name, precision, origin, shownAs: title });
    await fetcher.discardPartials();
    return { dir, manifest, already: false };
  } catch (error) {
    if (!isTransient(error) && options.signal?.aborted !== true) await fetcher.discardPartials();
    throw asMachineFault(error) ?? error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface ChosenFiles {
  /** They say whether the model can be used. */
  settings: HubFile[];
  rest: HubFile[];
  /** The file that runs for each image. */
  graph: string;
  /** It compares images with texts. */
  hasTexts: boolean;
  bytes: number;
}

/** @throws {ImgclsError} of kind `usage` if a file is missing or too large. */
function chooseFiles(repository: HubRepository, precision: string | undefined, title: string): ChosenFiles {
  const byPath = new Map(repository.files.map((file) => [file.path, file]));
  const paths = [...byPath.keys()];
  const sides = hasSides(paths) ? filesOfSides(paths, precision, title) : undefined;
  const main = sides?.vision ?? weightsFiles(paths, precision, title);
  if (!byPath.has(CONFIG_FILE)) throw new ImgclsError('usage', `${title} has no ${CONFIG_FILE}.`);
  const processorFile = [PROCESSOR_FILE, BOTH_PROCESSORS_FILE].find((path) => byPath.has(path));
  if (processorFile === undefined) throw withoutProcessor(title);
  const filesAt = (wanted: readonly string[]) => wanted.flatMap((path) => byPath.get(path) ?? []);
  const settings = filesAt([CONFIG_FILE, processorFile]);
  const tokenizer = sides ? filesAt([TOKENIZER_FILE, TOKENIZER_CONFIG_FILE]) : [];
  for (const [files, maxBytes] of [
    [settings, MAX_JSON_BYTES],
    [tokenizer, MAX_TOKENIZER_BYTES],
  ] as const)
    for (const { path, bytes } of files)
      if (bytes > maxBytes)
        throw new ImgclsError('usage', `${title}/${path} has more than ${maxBytes} bytes.`);
  const weights = (sides ? [sides.vision, sides.text, sides.whole] : [main]).map(({ graph, data }) => {
    const files = filesAt([graph, ...data]);
    if (sumOf(files) > MAX_WEIGHTS_BYTES) throw tooLarge(`${title}/${graph}`, sumOf(files));
    return files;
  });
  const rest = [...tokenizer, ...weights.flat()];
  const bytes = sumOf([...settings, ...rest]);
  return { settings, rest, graph: main.graph, hasTexts: sides !== undefined, bytes };
}

const sumOf = (files: readonly HubFile[]): number => files.reduce((sum, { bytes }) => sum + bytes, 0);

/** Another model's name must not be taken over without a word, not even by another variant: jobs name a model without it. */
async function freeName(title: string, { library, name }: HubPullOptions): Promise<string> {
  const chosen = checkedName(plainName(name ?? basename(title)));
  const hint = 'Choose another name with --name';
  const other = (await library.find(chosen)).find(({ manifest }) => !manifest.source.startsWith(`${title}@`));
  if (isInCatalog(chosen) || other?.bundled)
    throw new ImgclsError('usage', `imgcls has a model of its own named ${chosen}.`, { hint: `${hint}.` });
  if (other === undefined) return chosen;
  throw new ImgclsError(
    'usage',
    `Another model named ${chosen} is installed, from ${other.manifest.source}.`,
    { hint: `${hint}, or run "imgcls model remove ${modelTitle(other.manifest)}" before you pull ${title}.` },
  );
}

/** A copy from a cluster lacks the side that reads texts. */
async function isIntact(model: LibraryModel, library: ModelLibrary): Promise<boolean> {
  const others = model.manifest.zeroShot ? [TEXT_FILE, TOKENIZER_FILE, TOKENIZER_CONFIG_FILE] : [];
  try {
    for (const file of others) await stat(join(model.dir, file));
    await library.verify(model);
    return true;
  } catch {
    return false;
  }
}

function checkConsent(repository: HubRepository, { isAccepted, access }: HubPullOptions): void {
  const reason = consentNeeded(repository);
  if (reason === undefined || isAccepted) return;
  throw new ImgclsError('usage', `Cannot install ${repository.id} without your consent: ${reason}.`, {
    hint: `Read ${cardOf(access, repository.id)}, then repeat the command with --accept-licence.`,
  });
}

/** Into a folder in the Hub's layout. A model that cannot be used is refused before its weights are downloaded. */
async function download(
  { settings, rest, hasTexts }: ChosenFiles,
  folder: string,
  fetchOne: (file: HubFile, to: string) => Promise<void>,
  shownAs: string,
): Promise<void> {
  for (const file of settings) await fetchOne(file, join(folder, file.path));
  if (hasTexts) await readZeroShot(folder, shownAs);
  else await readSettings(folder, shownAs);
  for (const file of rest) await fetchOne(file, join(folder, file.path));
}

/** Fetches files of one commit, each by way of a partial file that stays after a failure which a retry may fix. */
class Fetcher {
  readonly #address: string;
  readonly #options: Omit<FileDownloadOptions, 'url' | 'partialPath' | 'acceptBytes'>;
  readonly #downloads: string;
  readonly #partials: string[] = [];
  #doneBytes = 0;

  constructor(reference: HubReference, commit: string, totalBytes: number, options: HubPullOptions) {
    const { access, addressesOf, clock, library, onProgress, random, signal, transfer } = options;
    this.#address = `${access.endpoint}/${reference.repository}/resolve/${commit}`;
    this.#downloads = join(library.modelsDir, '.downloads', reference.repository.replace('/', '--'));
    this.#options = {
      ...transfer,
      authorization: authorizationOf(access),
      explain: (response) => explainRefusal(response, reference, access),
      hint: 'Try again: the download continues where it stopped. HF_ENDPOINT names a mirror.',
      onProgress: (bytes) => onProgress?.(this.#doneBytes + bytes, totalBytes),
      ...{ addressesOf, clock, random, signal },
    };
  }

  async fetch(file: HubFile, to: string): Promise<void> {
    const partialPath = join(this.#downloads, `${file.digest.hex}.partial`);
    const url = `${this.#address}/${encodeURI(file.path)}`;
    await mkdir(this.#downloads, { recursive: true });
    this.#partials.push(partialPath);
    await fetchChecked(file, { ...this.#options, url, partialPath, acceptBytes: [file.bytes] });
    await mkdir(dirname(to), { recursive: true });
    await copyFile(partialPath, to);
    this.#doneBytes += file.bytes;
  }

  async discardPartials(): Promise<void> {
    for (const partial of this.#partials) await discardPartial(partial);
    // Fails if another file of the repository is being downloaded, which is intended.
    await rmdir(this.#downloads).catch(() => {});
  }

  /** Of an earlier pull, since when the revision has moved. @param files of the commit. */
  async discardOthers(files: readonly HubFile[]): Promise<void> {
    const digests = new Set(files.map(({ digest }) => digest.hex));
    for (const name of await readdir(this.#downloads).catch(() => []))
      if (!digests.has(name.split('.')[0] ?? '')) await rm(join(this.#downloads, name), { force: true });
  }
}

/** @throws {ImgclsError} of kind `permanent` if the file is not the one that the Hub lists. */
async function fetchChecked(file: HubFile, options: FileDownloadOptions): Promise<void> {
  const { partialPath, signal } = options;
  // The rest of an earlier transfer may be damaged. Then download from the start.
  const isResumed = (await stat(partialPath).catch(() => undefined)) !== undefined;
  await downloadFile(options);
  const found = await digestOf(partialPath, file, signal);
  if (found === file.digest.hex) return;
  await discardPartial(partialPath);
  if (isResumed) return await fetchChecked(file, options);
  const kind = file.digest.kind === 'sha256' ? 'sha256' : 'git id';
  throw new ImgclsError(
    'permanent',
    `${options.url} has the ${kind} ${found}; the Hub lists ${file.digest.hex}.`,
    { hint: 'The file was replaced or damaged on its way. Try again, or without HF_ENDPOINT.' },
  );
}

async function digestOf(path: string, { digest, bytes }: HubFile, signal?: AbortSignal): Promise<string> {
  if (digest.kind === 'sha256') return await sha256OfFile(path, signal);
  return createHash('sha1')
    .update(`blob ${bytes}\0`)
    .update(await readFile(path))
    .digest('hex');
}

// `imgcls label --dry-run`: estimates the time and cost of a job from its inputs and from measurements. Writes nothing.

import { constants, existsSync } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import path from 'node:path';
import { openCloud } from '../../app/open-cloud.ts';
import { BOOT_MS, policySettings, workerCores } from '../../app/open-controller.ts';
import { readOnlyBucket } from '../../app/read-only-bucket.ts';
import { installedClassifier, openClusterModels, selectJobModel } from '../../app/select-job-model.ts';
import { loadSettings, type RunSettings } from '../../app/settings.ts';
import { systemClock } from '../../app/system-clock.ts';
import { usualRegion } from '../../aws/identity.ts';
import { classifiedBy } from '../../client/submission.ts';
import type { Cloud } from '../../core/cloud/ports.ts';
import { CONTROLLER_TIMING, reportStaleAfterMs } from '../../core/fleet/controller-timing.ts';
import type { ControllerReport } from '../../core/fleet/fleet.ts';
import { PACKED_BELOW_BYTES } from '../../core/job/batches.ts';
import type { ModelRef } from '../../core/model/model.ts';
import { quotedPrice } from '../../core/money/quoted-price.ts';
import { ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import { msPerImageOf, readModelRates } from '../../scaler/model-rates.ts';
import type { PolicySettings } from '../../scaler/policy/policy.ts';
import { type QuoteInputs, quote, quoteRequests } from '../../scaler/quote.ts';
import { readReport } from '../../scaler/report.ts';
import { RequestCount } from '../../upload/count-requests.ts';
import { checkEmptyInput } from '../../upload/empty-input.ts';
import type { Input } from '../../upload/inputs.ts';
import { FileSample } from '../../upload/known-share.ts';
import { walkInputs } from '../../upload/walk.ts';
import { type OutputFlags, openOutput, outputFormatOf } from '../output/output.ts';
import { noticeInventory } from '../terminal/inventory-notice.ts';
import { warn } from '../terminal/notice.ts';
import { addName, collectSkipped, type NameList, namesText } from '../terminal/skipped.ts';
import { type QuoteView, quoteText } from './quote-text.ts';
import { warnOncePerReason } from './wait.ts';

export interface QuoteOptions extends OutputFlags {
  by?: Date;
  /** In US dollars. */
  maxCost?: number;
  include?: string[];
  exclude?: string[];
  localFiles: 'copy' | undefined;
  model: string | undefined;
  modelVariant: string | undefined;
  topK?: number;
  fresh?: boolean;
  cluster?: string;
  dataDir?: string;
}

/** After this time without a report, a controller of one machine has ended, and its limits do not apply. */
const FRESH_REPORT_MS = reportStaleAfterMs(CONTROLLER_TIMING.local);

/** Runs `imgcls label --dry-run`. @returns the exit code. */
export async function quoteUpload(inputs: readonly string[], options: QuoteOptions): Promise<number> {
  const { localFiles, model, modelVariant, topK, cluster, dataDir } = options;
  const format = outputFormatOf(options) ?? 'table';
  if (format !== 'table' && format !== 'json') {
    throw new ImgclsError('usage', `Cannot write a quote as ${format}.`, {
      hint: 'Use --format table or --format json.',
    });
  }
  const { settings } = loadSettings({ localFiles, model, modelVariant, topK, cluster, dataDir });
  const cloud = await openIfPresent(settings);
  try {
    const { counted, report } = await countInputs(inputs, options, { settings, cloud });
    report();
    const view = await quoteView(counted, { settings, cloud, ...options });
    const output = await openOutput(options.output);
    try {
      await output.write(format === 'json' ? `${JSON.stringify(view, null, 2)}\n` : quoteText(view));
      await output.finish();
    } finally {
      await output.close();
    }
    return 0;
  } finally {
    await cloud?.close();
  }
}

/**
 * Warns before a job starts that it will miss its deadline, or stop at its limit of cost. Images of standard input can be read
 * only once, so they are not counted.
 */
export async function warnOfLimits(
  inputs: readonly string[],
  options: Pick<QuoteOptions, 'by' | 'maxCost' | 'include' | 'exclude' | 'fresh'>,
  { settings, cloud }: { settings: RunSettings; cloud: Cloud },
): Promise<void> {
  if (inputs.includes('-')) return;
  const { counted } = await countInputs(inputs, options, { settings, cloud });
  const { warnings } = await quoteView(counted, { settings, cloud, ...options });
  for (const warning of warnings) warn(warning);
}

/** Opening an embedded cloud that does not exist would create it. */
async function openIfPresent(settings: RunSettings): Promise<Cloud | undefined> {
  const isPresent = settings.cloud === 'aws' || existsSync(path.join(settings.dataDir, settings.cluster));
  return isPresent ? await openCloud(settings) : undefined;
}

interface Counted extends QuoteInputs {
  copiedBytes: number;
  requests: RequestCount;
  files: FileSample;
}

/** @returns the totals, and what reports skipped and unreadable files. */
async function countInputs(
  inputs: readonly string[],
  { include = [], exclude = [] }: Pick<QuoteOptions, 'include' | 'exclude'>,
  {
    settings,
    cloud,
  }: {
    settings: RunSettings;
    cloud: Cloud | undefined;
  },
): Promise<{ counted: Counted; report(): void }> {
  const { cloud: kind, localFiles, packBelowBytes = PACKED_BELOW_BYTES[kind], maxImageBytes } = settings;
  const readsInPlace = kind === 'local' && localFiles === 'in-place';
  const skipped = collectSkipped();
  const emptyInput = checkEmptyInput(skipped.add);
  const unreadable: NameList = { count: 0, names: [] };
  const requests = new RequestCount(packBelowBytes);
  const found: Counted = { images: 0, bytes: 0, copiedBytes: 0, requests, files: new FileSample() };
  for await (const input of walkInputs(inputs, {
    include,
    exclude,
    stdin: process.stdin,
    bucket: (name) => cloud?.bucket(name) ?? readOnlyBucket(name, settings),
    clock: systemClock,
    random: Math.random,
    onTransient: warnOncePerReason(),
    onInventory: noticeInventory,
    ...emptyInput,
  })) {
    const bytes = await bytesOf(input);
    if (bytes === undefined) addName(unreadable, input.source);
    found.images++;
    found.bytes += bytes ?? 0;
    if (input.kind === 'object') found.requests.addInPlace();
    else if (bytes === undefined || bytes > maxImageBytes) found.requests.addFailed();
    else {
      found.requests.addStored(bytes);
      if (!readsInPlace || input.kind === 'url') found.copiedBytes += bytes;
      if (input.kind === 'file') found.files.add(input.path);
    }
  }
  const report = () => {
    skipped.report();
    if (unreadable.count > 0)
      warn(
        `Cannot read ${namesText(unreadable)}. The job would have ${unreadable.count === 1 ? 'an error for it' : 'errors for them'}.`,
      );
  };
  if (found.images > 0) return { counted: found, report };
  report();
  throw emptyInput.error(inputs);
}

/** Of an image of the web, which is not fetched for an estimate. */
const WEB_IMAGE_BYTES = 500_000;

/** Undefined for an unreadable file: it would get an error outcome, and nothing would be stored. */
async function bytesOf(input: Input): Promise<number | undefined> {
  if (input.kind === 'object') return input.bytes;
  if (input.kind === 'url') return WEB_IMAGE_BYTES;
  if (input.kind !== 'file') return undefined;
  try {
    await access(input.path, constants.R_OK);
    return (await stat(input.path)).size;
  } catch {
    return undefined;
  }
}

interface QuoteContext extends Pick<QuoteOptions, 'by' | 'maxCost' | 'fresh'> {
  settings: RunSettings;
  cloud: Cloud | undefined;
}

async function quoteView(
  { requests, copiedBytes, files, ...inputs }: Counted,
  context: QuoteContext,
): Promise<QuoteView> {
  const { settings, cloud, by, maxCost } = context;
  const model = cloud && (await chosenModel(settings, cloud));
  const knownImages = await countKnown(files, context, model);
  const counted = { ...inputs, ...(knownImages > 0 && { knownImages }) };
  const kind = settings.cloud;
  const report = cloud && (await lastReport(cloud));
  const region = kind === 'aws' ? await usualRegion() : undefined;
  const price = quotedPrice({ settings, report, region, nowMs: systemClock.nowMs() });
  const limits = limitsOf(kind, report);
  const policy = await policySettings({ kind }, settings, { hourlyUsd: async () => price.hourlyUsd });
  const known = report?.measured ?? {};
  const knownPerSecond = await measuredRate(settings, { cloud, model }, known);
  const measured = {
    imagesPerSecond: knownPerSecond ?? settings.imagesPerSecond,
    bootMs: known.bootMs ?? BOOT_MS[kind],
  };
  return {
    v: 1,
    cluster: settings.cluster,
    cloud: kind,
    copiedBytes,
    ...quote(counted, { ...policy, ...limits }, measured, {
      ...(by !== undefined && { dueInMs: by.getTime() - systemClock.nowMs() }),
      ...(maxCost !== undefined && { maxCostUsd: maxCost }),
    }),
    ...(limits === OWN_WORKER &&
      knownImages < inputs.images && { reason: 'on one machine, an upload starts one worker on all cores' }),
    ...price,
    ...measured,
    imagesPerSecondIs: knownPerSecond === undefined ? 'assumed' : 'measured',
    bootIs: known.bootMs === undefined ? 'assumed' : 'measured',
    ...(kind === 'aws' && { requests: quoteRequests(requests.counts) }),
  };
}

/** 0 where the cluster does not look images up. */
async function countKnown(
  files: FileSample,
  { settings, cloud, fresh = false }: QuoteContext,
  model: ModelRef | undefined,
): Promise<number> {
  if (cloud?.known === undefined || model === undefined) return 0;
  const tools = { classifierOf: (ref: ModelRef) => installedClassifier(settings, ref) };
  const by = await classifiedBy(tools, { cloud }, { fresh, model, topK: settings.topK });
  return by === undefined ? 0 : await files.countKnown(cloud.known, by);
}

/** Of one machine with the job's model, as jobs have shown or `imgcls model bench` measured; else with whatever model was used. */
async function measuredRate(
  settings: RunSettings,
  { cloud, model }: { cloud: Cloud | undefined; model: ModelRef | undefined },
  { msPerImageByModel = {}, imagesPerSecond }: ControllerReport['measured'],
): Promise<number | undefined> {
  if (cloud === undefined) return imagesPerSecond;
  const measured = msPerImageOf(await readModelRates(cloud.output), workerCores(settings));
  const ms = model && (msPerImageByModel[model.sha256] ?? measured[model.sha256]);
  return ms === undefined ? imagesPerSecond : 1000 / ms;
}

/** Undefined if the job could not be submitted as the settings are: a quote says so less well than the submission. */
async function chosenModel(settings: RunSettings, cloud: Cloud): Promise<ModelRef | undefined> {
  try {
    return (await selectJobModel(settings, openClusterModels(cloud))).ref;
  } catch (error) {
    if (error instanceof ImgclsError && error.kind === 'config') return undefined;
    throw error;
  }
}

/** A quote without measurements is less exact, but possible. */
async function lastReport({ output }: Cloud): Promise<ControllerReport | undefined> {
  try {
    return await readReport(output);
  } catch (error) {
    warn(
      `Cannot read the measurements of the controller, so the quote uses assumptions: ${messageOf(error)}`,
    );
    return undefined;
  }
}

const OWN_WORKER = { min: 1, max: 1 } as const;

/** The limits that the controller reports. Without a controller on one machine, an upload starts one worker. */
function limitsOf(
  kind: RunSettings['cloud'],
  report: ControllerReport | undefined,
): Partial<Pick<PolicySettings, 'min' | 'max' | 'policy'>> {
  const hasNoController =
    report === undefined || (kind === 'local' && systemClock.nowMs() - report.updatedAtMs > FRESH_REPORT_MS);
  if (!hasNoController) return { min: report.min, max: report.max, policy: report.policy };
  return kind === 'local' ? OWN_WORKER : {};
}

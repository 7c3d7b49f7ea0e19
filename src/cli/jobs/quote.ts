// `imgcls upload --quote`: estimates the time and cost of a job from its inputs and from measurements. Writes nothing.

import { constants, existsSync } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import path from 'node:path';
import { openCloud } from '../../app/open-cloud.ts';
import { BOOT_MS, policySettings, workerCores } from '../../app/open-controller.ts';
import { readOnlyBucket } from '../../app/read-only-bucket.ts';
import { openClusterModels, selectJobModel } from '../../app/select-job-model.ts';
import { loadSettings, type RunSettings } from '../../app/settings.ts';
import { systemClock } from '../../app/system-clock.ts';
import type { Cloud } from '../../core/cloud/ports.ts';
import { CONTROLLER_TIMING, reportStaleAfterMs } from '../../core/fleet/controller-timing.ts';
import type { ControllerReport } from '../../core/fleet/fleet.ts';
import { PACKED_BELOW_BYTES } from '../../core/job/batches.ts';
import type { ModelRef } from '../../core/model/model.ts';
import { MACHINE_PRICES } from '../../core/money/machine-prices.ts';
import { highestPrice, priceOf, USUAL_ATTACHED } from '../../core/money/prices.ts';
import { ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import { msPerImageOf, readModelRates } from '../../scaler/model-rates.ts';
import type { PolicySettings } from '../../scaler/policy/policy.ts';
import { type QuoteInputs, quote, quoteRequests } from '../../scaler/quote.ts';
import { readReport } from '../../scaler/report.ts';
import { RequestCount } from '../../upload/count-requests.ts';
import { checkEmptyInput } from '../../upload/empty-input.ts';
import type { Input } from '../../upload/inputs.ts';
import { walkInputs } from '../../upload/walk.ts';
import { type OutputFlags, openOutput, outputFormatOf } from '../output/output.ts';
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
  cluster?: string;
  dataDir?: string;
}

/** After this time without a report, a controller of one machine has ended, and its limits do not apply. */
const FRESH_REPORT_MS = reportStaleAfterMs(CONTROLLER_TIMING.local);

/** Runs `imgcls upload --quote`. @returns the exit code. */
export async function quoteUpload(inputs: readonly string[], options: QuoteOptions): Promise<number> {
  const { localFiles, model, modelVariant, cluster, dataDir } = options;
  const format = outputFormatOf(options) ?? 'table';
  if (format !== 'table' && format !== 'json') {
    throw new ImgclsError('usage', `Cannot write a quote as ${format}.`, {
      hint: 'Use --format table or --format json.',
    });
  }
  const { settings } = loadSettings({ localFiles, model, modelVariant, cluster, dataDir });
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
  options: Pick<QuoteOptions, 'by' | 'maxCost' | 'include' | 'exclude'>,
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
  const found: Counted = { images: 0, bytes: 0, copiedBytes: 0, requests: new RequestCount(packBelowBytes) };
  for await (const input of walkInputs(inputs, {
    include,
    exclude,
    stdin: process.stdin,
    bucket: (name) => cloud?.bucket(name) ?? readOnlyBucket(name, settings),
    clock: systemClock,
    random: Math.random,
    onTransient: warnOncePerReason(),
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
      if (!readsInPlace) found.copiedBytes += bytes;
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

/** Undefined for an unreadable file: it would get an error outcome, and nothing would be stored. */
async function bytesOf(input: Input): Promise<number | undefined> {
  if (input.kind === 'object') return input.bytes;
  if (input.kind !== 'file') return undefined;
  try {
    await access(input.path, constants.R_OK);
    return (await stat(input.path)).size;
  } catch {
    return undefined;
  }
}

interface QuoteContext extends Pick<QuoteOptions, 'by' | 'maxCost'> {
  settings: RunSettings;
  cloud: Cloud | undefined;
}

async function quoteView(
  { requests, copiedBytes, ...counted }: Counted,
  { settings, cloud, by, maxCost }: QuoteContext,
): Promise<QuoteView> {
  const kind = settings.cloud;
  const report = cloud && (await lastReport(cloud));
  const price = priceFor(settings, report);
  const limits = limitsOf(kind, report);
  const policy = await policySettings({ kind }, settings, { hourlyUsd: async () => price.hourlyUsd });
  const known = report?.measured ?? {};
  const knownPerSecond = await measuredRate(settings, cloud, known);
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
    ...(limits === OWN_WORKER && { reason: 'on one machine, an upload starts one worker on all cores' }),
    ...price,
    ...measured,
    imagesPerSecondIs: knownPerSecond === undefined ? 'assumed' : 'measured',
    bootIs: known.bootMs === undefined ? 'assumed' : 'measured',
    ...(kind === 'aws' && { requests: quoteRequests(requests.counts) }),
  };
}

/** Of one machine with the job's model, as jobs have shown or `imgcls model bench` measured; else with whatever model was used. */
async function measuredRate(
  settings: RunSettings,
  cloud: Cloud | undefined,
  { msPerImageByModel = {}, imagesPerSecond }: ControllerReport['measured'],
): Promise<number | undefined> {
  if (cloud === undefined) return imagesPerSecond;
  const model = await chosenModel(settings, cloud);
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

/** Spot prices change by the hour, so they are not in a quote. */
const LIST_PRICES = 'list prices on demand with disk and address, the most that spot instances cost';

/** The highest of several prices: a quote should not be exceeded. */
function priceFor(
  settings: RunSettings,
  report: ControllerReport | undefined,
): Pick<QuoteView, 'hourlyUsd' | 'priceFrom'> {
  const { pricePerHour, instanceTypes = [] } = settings;
  if (pricePerHour !== undefined) return { hourlyUsd: pricePerHour, priceFrom: 'the setting pricePerHour' };
  if (settings.cloud === 'local') return { hourlyUsd: 0, priceFrom: 'no extra cost on this machine' };
  const machines = report?.machines.map(({ hourlyUsd }) => hourlyUsd) ?? [];
  const fromFleet = report?.hourlyUsd ?? highestPrice(machines);
  const isOwn = report?.settings?.pricePerHour !== undefined;
  if (fromFleet !== undefined)
    return {
      hourlyUsd: fromFleet,
      priceFrom: `the controller's ${isOwn ? 'pricePerHour' : `fleet, ${LIST_PRICES}`}`,
    };
  const listed = instanceTypes.map((type) => priceOf(type, 'on-demand', { attached: USUAL_ATTACHED }));
  return { hourlyUsd: highestPrice(listed), priceFrom: `us-east-1, ${MACHINE_PRICES.asOf}, ${LIST_PRICES}` };
}

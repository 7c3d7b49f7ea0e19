// `imgcls upload --quote`: looks at the inputs and at what was measured, and says what a job would take. Writes nothing.

import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { openCloud } from '../../app/open-cloud.ts';
import { BOOT_MS, policySettings } from '../../app/open-controller.ts';
import { readOnlyBucket } from '../../app/read-only-bucket.ts';
import { loadSettings, type RunSettings } from '../../app/settings.ts';
import { systemClock } from '../../app/system-clock.ts';
import type { Cloud } from '../../core/cloud/ports.ts';
import { CONTROLLER_TIMING, reportStaleAfterMs } from '../../core/fleet/controller-timing.ts';
import type { ControllerReport } from '../../core/fleet/fleet.ts';
import { highestPrice, PRICES_AS_OF, priceOf } from '../../core/money/prices.ts';
import { ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import type { PolicySettings } from '../../scaler/policy/policy.ts';
import { type QuoteInputs, quote, quoteRequests } from '../../scaler/quote.ts';
import { readReport } from '../../scaler/report.ts';
import { ObjectCount } from '../../upload/count-objects.ts';
import { checkEmptyInput } from '../../upload/empty-input.ts';
import type { Input } from '../../upload/inputs.ts';
import { walkInputs } from '../../upload/walk.ts';
import { notice } from '../terminal/notice.ts';
import { type OutputFlags, openOutput, outputFormatOf } from '../terminal/output.ts';
import { skippedFiles } from '../terminal/skipped.ts';
import { type QuoteView, quoteText } from './quote-text.ts';

export interface QuoteOptions extends OutputFlags {
  include?: string[];
  exclude?: string[];
  cluster?: string;
  dataDir?: string;
}

/** A controller of one machine that says nothing for so long is gone, and its limits with it. */
const FRESH_REPORT_MS = reportStaleAfterMs(CONTROLLER_TIMING.local);

/** Runs `imgcls upload --quote`. @returns the exit code. */
export async function quoteUpload(inputs: readonly string[], options: QuoteOptions): Promise<number> {
  const { cluster, dataDir } = options;
  const format = outputFormatOf(options) ?? 'table';
  if (format !== 'table' && format !== 'json') {
    throw new ImgclsError('usage', `A quote cannot be written as ${format}.`, {
      hint: 'Give --format table or --format json.',
    });
  }
  const { settings } = loadSettings({ cluster, dataDir });
  const cloud = await openIfThere(settings);
  try {
    const counted = await countInputs(inputs, options, { settings, cloud });
    const view = await quoteView(counted, settings, cloud);
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

/** Opening an embedded cloud would make it where there is none. */
async function openIfThere(settings: RunSettings): Promise<Cloud | undefined> {
  const isThere = settings.cloud === 'aws' || existsSync(path.join(settings.dataDir, settings.cluster));
  return isThere ? await openCloud(settings) : undefined;
}

interface Counted extends QuoteInputs {
  objects: ObjectCount;
}

async function countInputs(
  inputs: readonly string[],
  { include = [], exclude = [] }: QuoteOptions,
  {
    settings: { packBelowBytes, maxImageBytes },
    cloud,
  }: { settings: Pick<RunSettings, 'packBelowBytes' | 'maxImageBytes'>; cloud: Cloud | undefined },
): Promise<Counted> {
  const skipped = skippedFiles();
  const nothing = checkEmptyInput(skipped.add);
  const found: Counted = { images: 0, bytes: 0, objects: new ObjectCount(packBelowBytes) };
  for await (const input of walkInputs(inputs, {
    include,
    exclude,
    stdin: process.stdin,
    bucket: (name) => cloud?.bucket(name) ?? readOnlyBucket(name),
    ...nothing,
  })) {
    const bytes = await bytesOf(input);
    found.images++;
    found.bytes += bytes ?? 0;
    if (input.kind === 'object') found.objects.addInPlace();
    else if (bytes === undefined || bytes > maxImageBytes) found.objects.addFailed();
    else found.objects.addStored(bytes);
  }
  skipped.tell();
  if (found.images === 0) throw nothing.error(inputs);
  return found;
}

/** Undefined for an image that could not be read: it would be an outcome, but nothing would be stored. */
async function bytesOf(input: Input): Promise<number | undefined> {
  if (input.kind === 'object') return input.bytes;
  if (input.kind !== 'file') return undefined;
  return await stat(input.path).then(
    ({ size }) => size,
    () => undefined,
  );
}

async function quoteView(
  { objects, ...counted }: Counted,
  settings: RunSettings,
  cloud: Cloud | undefined,
): Promise<QuoteView> {
  const kind = settings.cloud;
  const report = cloud && (await lastReport(cloud));
  const price = priceFor(settings, report);
  const limits = limitsOf(kind, report);
  const policy = await policySettings({ kind }, settings, { hourlyUsd: async () => price.hourlyUsd });
  const known = report?.measured ?? {};
  const measured = {
    imagesPerSecond: known.imagesPerSecond ?? settings.imagesPerSecond,
    bootMs: known.bootMs ?? BOOT_MS[kind],
  };
  return {
    v: 1,
    cluster: settings.cluster,
    cloud: kind,
    ...quote(counted, { ...policy, ...limits }, measured),
    ...(limits === OWN_WORKER && { reason: 'an upload on one machine brings one worker, with every core' }),
    ...price,
    ...measured,
    imagesPerSecondIs: known.imagesPerSecond === undefined ? 'assumed' : 'measured',
    bootIs: known.bootMs === undefined ? 'assumed' : 'measured',
    ...(kind === 'aws' && {
      requests: quoteRequests({ images: counted.images, puts: objects.puts, gets: objects.gets }),
    }),
  };
}

/** Without what was measured a quote is a worse one, and still one. */
async function lastReport({ output }: Cloud): Promise<ControllerReport | undefined> {
  try {
    return await readReport(output);
  } catch (error) {
    notice(`What was measured cannot be read, so the quote assumes: ${messageOf(error)}`);
    return undefined;
  }
}

const OWN_WORKER = { min: 1, max: 1 } as const;

/** The controller's own limits, where it has told them; on one machine an upload brings one worker of its own. */
function limitsOf(
  kind: RunSettings['cloud'],
  report: ControllerReport | undefined,
): Partial<Pick<PolicySettings, 'min' | 'max' | 'policy'>> {
  const isGone =
    report === undefined || (kind === 'local' && systemClock.nowMs() - report.updatedAtMs > FRESH_REPORT_MS);
  if (!isGone) return { min: report.min, max: report.max, policy: report.policy };
  return kind === 'local' ? OWN_WORKER : {};
}

/** Of several prices the highest: the quote is to be kept. */
function priceFor(
  settings: RunSettings,
  report: ControllerReport | undefined,
): Pick<QuoteView, 'hourlyUsd' | 'priceFrom'> {
  const { pricePerHour, instanceTypes = [] } = settings;
  if (pricePerHour !== undefined) return { hourlyUsd: pricePerHour, priceFrom: 'the setting pricePerHour' };
  if (settings.cloud === 'local') return { hourlyUsd: 0, priceFrom: 'this machine costs nothing more' };
  const machines = report?.machines.map(({ hourlyUsd }) => hourlyUsd) ?? [];
  const fromFleet = report?.hourlyUsd ?? highestPrice(machines);
  if (fromFleet !== undefined) return { hourlyUsd: fromFleet, priceFrom: "the controller's fleet" };
  const listed = instanceTypes.map((type) => priceOf(type, 'on-demand'));
  return { hourlyUsd: highestPrice(listed), priceFrom: `list price of us-east-1, ${PRICES_AS_OF}` };
}

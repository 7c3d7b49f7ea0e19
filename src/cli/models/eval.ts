import { openModelLibrary, selectLibraryModel } from '../../app/select-job-model.ts';
import type { RunSettings } from '../../app/settings.ts';
import { type ClassLabel, type ModelManifest, modelTitle } from '../../core/model/model.ts';
import { parseWords, type Words } from '../../core/model/words.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { Reliability, TemperatureSearch } from '../../model/calibration.ts';
import { categoriesOf } from '../../model/categories.ts';
import { confusionsOf } from '../../model/confusions.ts';
import { type Evaluation, isRight } from '../../model/evaluate.ts';
import { labelsOfFolders } from '../../model/labelled-images.ts';
import type { LibraryModel } from '../../model/library.ts';
import { findByTitle } from '../../model/select-model.ts';
import { shareInterval } from '../../model/share-interval.ts';
import { keepTemperature } from '../../model/temperature.ts';
import { openOutput } from '../output/output.ts';
import { notice } from '../terminal/notice.ts';
import { screenOf } from '../terminal/screen.ts';
import { evaluationPage, SHOWN_WRONG } from './eval-html.ts';
import { evaluationText } from './eval-text.ts';
import type { EvaluatedModel, ReportedModel, WrongImage } from './eval-view.ts';
import { evaluateModel, labelledImages } from './evaluation.ts';

export interface EvalFlags {
  model?: string;
  format: 'table' | 'json';
  calibrate?: boolean;
  /** The file of the report. */
  html?: string;
}

interface EvalTools {
  settings: RunSettings;
  signal: AbortSignal;
  write(text: string): void;
}

/** With fewer, the share of right labels is uncertain by more than 7 % (one standard deviation). */
const LEAST_CALIBRATION_IMAGES = 50;

/** Runs `imgcls eval`: prints the accuracy of a model on the labelled images of a folder. */
export async function evaluateFolder(dir: string, flags: EvalFlags, tools: EvalTools): Promise<void> {
  const { settings, write } = tools;
  const models =
    flags.model === undefined
      ? [(await selectLibraryModel(settings)).model]
      : await findByTitle(openModelLibrary(settings), flags.model);
  const evaluated: ReportedModel[] = [];
  for (const model of models) evaluated.push(await evaluateOne(dir, model, flags, tools));
  if (flags.html !== undefined) await writePage(flags.html, dir, evaluated, settings);
  const rows = evaluated.map(({ wrong: _, ...row }): EvaluatedModel => row);
  write(
    flags.format === 'json'
      ? `${JSON.stringify(rows, null, 2)}\n`
      : `${evaluationText(rows, screenOf(process.stdout))}\n`,
  );
}

async function evaluateOne(
  dir: string,
  model: LibraryModel,
  { calibrate }: EvalFlags,
  { settings, signal }: EvalTools,
): Promise<ReportedModel> {
  const { manifest } = model;
  const title = modelTitle(manifest);
  if (calibrate) checkCalibratable(manifest, title);
  const words = manifest.zeroShot && (await wordsOfFolders(dir, model, settings));
  const labels = words?.labels ?? model.labels;
  const images = await labelledImages(dir, labels);
  if (calibrate) requireEnough(images.length);
  const search = new TemperatureSearch();
  const startMs = performance.now();
  const location = { dir: model.dir, sha256: manifest.sha256, ...(words && { words }) };
  const found = await evaluateModel(location, images, {
    settings,
    title,
    signal,
    ...(calibrate && {
      topK: Math.max(labels.length, 5),
      onPrediction: ({ labels }, truth) => search.add(labels, truth),
    }),
  });
  const imagesPerSecond = (1000 * found.images) / (performance.now() - startMs);
  for (const { path, why } of found.failed) notice(`${path}: ${why}`);
  return {
    model: title,
    version: manifest.version,
    images: found.images,
    top1: found.top1 / found.images,
    top1Interval: shareInterval(found.top1, found.images),
    top5: found.top5 / found.images,
    ...(categoriesOf(labels) !== undefined && { category: found.category / found.images }),
    failed: found.failed.length,
    imagesPerSecond,
    confusions: confusionsOf(found.predictions, labels),
    calibration: calibrate
      ? await calibrated(model, found, search, settings)
      : { temperature: manifest.temperature ?? 1, ...summaryOf(reliabilityOf(found)) },
    wrong: wrongOf(found, labels),
  };
}

/** Labels of a model without its own: the names of the folders with images. */
async function wordsOfFolders(
  dir: string,
  model: LibraryModel,
  { labelTemplate }: RunSettings,
): Promise<Words> {
  const { makeWords } = await import('../../model/words/make-words.ts');
  const { document, sha256 } = await makeWords(model, await labelsOfFolders(dir), labelTemplate);
  return parseWords(Buffer.from(document).toString(), sha256);
}

function checkCalibratable({ zeroShot, activation }: ModelManifest, title: string): void {
  if (zeroShot !== undefined)
    throw new ImgclsError('usage', `Cannot calibrate ${title}: its scores depend on the labels of each job.`);
  if (activation === 'sigmoid')
    throw new ImgclsError('usage', `Cannot calibrate ${title}: any number of its labels may be right.`);
}

function wrongOf({ predictions }: Evaluation, labels: readonly ClassLabel[]): WrongImage[] {
  const names = new Map(labels.map(({ wnid, label }) => [wnid, label]));
  return predictions
    .filter((each) => !isRight(each))
    .sort((a, b) => b.best.score - a.best.score)
    .map(({ path, truth, best }) => ({ path, best, truth: names.get(truth[0] ?? '') ?? truth.join(', ') }));
}

const summaryOf = ({ expectedError, meanScore, bins }: Reliability) => ({ expectedError, meanScore, bins });

function reliabilityOf({ predictions }: Evaluation): Reliability {
  const reliability = new Reliability();
  for (const one of predictions) reliability.add(one.best.score, isRight(one));
  return reliability;
}

/** Keeps the temperature that was found with the model. */
async function calibrated(
  model: LibraryModel,
  found: Evaluation,
  search: TemperatureSearch,
  settings: RunSettings,
): Promise<EvaluatedModel['calibration']> {
  requireEnough(found.predictions.length);
  const { temperature: own = 1 } = model.manifest;
  const { temperature: relative, reliability } = search.best;
  const temperature = Number((own * relative).toPrecision(4));
  const dir = await keepTemperature(openModelLibrary(settings), model, temperature);
  notice(
    `${modelTitle(model.manifest)}: temperature ${temperature} kept in ${dir}. Workers use it from their next start.`,
  );
  return {
    temperature,
    expectedErrorBefore: reliabilityOf(found).expectedError,
    expectedErrorOnOthers: search.onOthers.expectedError,
    ...summaryOf(reliability),
  };
}

function requireEnough(images: number): void {
  if (images >= LEAST_CALIBRATION_IMAGES) return;
  throw new ImgclsError('usage', `Cannot calibrate with ${images} labelled images.`, {
    hint: `Use at least ${LEAST_CALIBRATION_IMAGES}, better some hundreds.`,
  });
}

async function writePage(
  file: string,
  folder: string,
  models: readonly ReportedModel[],
  settings: RunSettings,
): Promise<void> {
  const output = await openOutput(file);
  try {
    const { thumbnailOf } = await import('../../model/thumbnail.ts');
    const thumbnails = new Map<string, string>();
    for (const { path } of models.flatMap(({ wrong }) => wrong.slice(0, SHOWN_WRONG))) {
      const thumbnail = thumbnails.get(path) ?? (await thumbnailOf(path, settings));
      if (thumbnail !== undefined) thumbnails.set(path, thumbnail);
    }
    await output.write(evaluationPage(models, { folder, thumbnails }));
    await output.finish();
  } finally {
    await output.close();
  }
}

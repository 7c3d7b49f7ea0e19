import { openModelLibrary, selectLibraryModel } from '../../app/select-job-model.ts';
import type { RunSettings } from '../../app/settings.ts';
import { modelTitle } from '../../core/model/model.ts';
import { categoriesOf } from '../../model/categories.ts';
import { findByTitle } from '../../model/select-model.ts';
import { notice } from '../terminal/notice.ts';
import { screenOf } from '../terminal/screen.ts';
import { drawTable } from '../terminal/table.ts';
import { evaluateModel, labelledImages } from './evaluation.ts';

export interface EvalFlags {
  model?: string;
  format: 'table' | 'json';
}

/** Runs `imgcls eval`: prints the accuracy of a model on the labelled images of a folder. */
export async function evaluateFolder(
  dir: string,
  { model: title, format }: EvalFlags,
  { settings, signal, write }: { settings: RunSettings; signal: AbortSignal; write(text: string): void },
): Promise<void> {
  const models =
    title === undefined
      ? [(await selectLibraryModel(settings)).model]
      : await findByTitle(openModelLibrary(settings), title);
  const rows = [];
  for (const { manifest, labels, dir: folder } of models) {
    const images = await labelledImages(dir, labels);
    const startMs = performance.now();
    const location = { dir: folder, sha256: manifest.sha256 };
    const found = await evaluateModel(location, images, { settings, title: modelTitle(manifest), signal });
    const perSecond = (1000 * found.images) / (performance.now() - startMs);
    for (const { path, why } of found.failed) notice(`${path}: ${why}`);
    rows.push({
      model: modelTitle(manifest),
      version: manifest.version,
      images: found.images,
      top1: found.top1 / found.images,
      top5: found.top5 / found.images,
      ...(categoriesOf(labels) !== undefined && { category: found.category / found.images }),
      failed: found.failed.length,
      imagesPerSecond: perSecond,
    });
  }
  if (format === 'json') return write(`${JSON.stringify(rows, null, 2)}\n`);
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const cells = rows.map((row) => [
    row.model,
    String(row.images),
    percent(row.top1),
    percent(row.top5),
    row.category === undefined ? 'none' : percent(row.category),
    String(row.failed),
    row.imagesPerSecond.toFixed(1),
  ]);
  const head = ['model', 'images', 'top-1', 'top-5', 'category', 'failed', 'images/s'];
  const alignRight = head.slice(1);
  const screen = screenOf(process.stdout);
  write(`${drawTable(head, cells, { screen, alignRight, dropFirst: ['failed', 'images/s'] })}\n`);
}

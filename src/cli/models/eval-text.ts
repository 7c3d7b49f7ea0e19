import { percent } from '../../core/text/percent.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import type { Screen } from '../terminal/screen.ts';
import { drawTable } from '../terminal/table.ts';
import {
  aroundEighty,
  binCells,
  binHead,
  confusionCells,
  confusionHead,
  type EvaluatedModel,
  errorText,
  intervalText,
  scoresNote,
} from './eval-view.ts';

/** More are in the JSON and in the HTML report. */
const SHOWN_CONFUSIONS = 10;

export function evaluationText(models: readonly EvaluatedModel[], screen: Screen | undefined): string {
  const head = ['model', 'images', 'top-1', '95 % interval', 'top-5', 'category', 'failed', 'images/s'];
  const rows = models.map((one) => [
    one.model,
    String(one.images),
    percent(one.top1),
    intervalText(one),
    percent(one.top5),
    one.category === undefined ? 'none' : percent(one.category),
    String(one.failed),
    one.imagesPerSecond.toFixed(1),
  ]);
  const style = { screen, alignRight: head.slice(1), dropFirst: ['failed', 'images/s', 'category'] };
  return [drawTable(head, rows, style), ...models.map((one) => detailsText(one, screen))].join('\n\n');
}

function detailsText(one: EvaluatedModel, screen: Screen | undefined): string {
  const wrong = one.confusions.reduce((sum, { images }) => sum + images, 0);
  const shown = one.confusions.slice(0, SHOWN_CONFUSIONS);
  const confusions = drawTable(confusionHead, shown.map(confusionCells), {
    screen,
    frame: 'none',
    alignRight: ['images', 'surest'],
    dropFirst: ['file', 'surest'],
  });
  const bins = drawTable(binHead, one.calibration.bins.map(binCells), {
    screen,
    frame: 'none',
    alignRight: binHead.slice(1),
  });
  const order = `, the most frequent mistakes first, then the surest${scoresNote(one)}`;
  return [
    `${one.model}: ${wrong} of ${pluralize(one.images, 'label')} wrong${wrong === 0 ? '' : order}`,
    ...(wrong === 0 ? [] : [confusions]),
    '',
    `${one.model}: ${aroundEighty(one)}`,
    bins,
    errorText(one),
  ].join('\n');
}

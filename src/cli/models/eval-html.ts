// The report of `imgcls eval --html`: one self-contained page.

import { basename } from 'node:path';
import { escapedHtml, htmlPage, htmlTable } from '../../core/text/html.ts';
import { percent } from '../../core/text/percent.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import {
  aroundEighty,
  binCells,
  binHead,
  confusionCells,
  confusionHead,
  type EvaluatedModel,
  errorText,
  intervalText,
  type ReportedModel,
  scoresNote,
} from './eval-view.ts';

/** Thumbnails of a model have 4 KB each: a page of 400 KB for a model. */
export const SHOWN_WRONG = 100;

const STYLE = `
.line { stroke: var(--ours); stroke-width: 2; fill: none; }
.ideal { stroke: var(--faint); stroke-dasharray: 4 4; }
.chart { max-width: 24rem; }
.wrong { display: grid; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); gap: 1rem; padding: 0; list-style: none; }
.wrong img { display: block; border-radius: 4px; }
.wrong li { overflow-wrap: anywhere; font-size: 13px; }
`;

/** @param thumbnails addresses of pictures, by the paths of the images. */
export function evaluationPage(
  models: readonly ReportedModel[],
  { folder, thumbnails }: { folder: string; thumbnails: ReadonlyMap<string, string> },
): string {
  return htmlPage({
    title: `Accuracy on ${basename(folder)}`,
    body: models.map((one) => modelSection(one, thumbnails)).join('\n'),
    style: STYLE,
  });
}

function modelSection(one: ReportedModel, thumbnails: ReadonlyMap<string, string>): string {
  const figures = [
    ['images', String(one.images)],
    ['top-1', percent(one.top1)],
    ['95 % interval of top-1', intervalText(one)],
    ['top-5', percent(one.top5)],
    ...(one.category === undefined ? [] : [['category', percent(one.category)]]),
    ['failed', String(one.failed)],
    ['images/s', one.imagesPerSecond.toFixed(1)],
  ];
  const model = escapedHtml(one.model);
  return `<section>
<h2>${model}</h2>
${htmlTable(['measure', 'value'], figures, ['measure'])}
<h3>${model}: are scores right as often as they say?</h3>
<p>${escapedHtml(errorText(one))} Of ${model}, ${escapedHtml(aroundEighty(one))}. Temperature: ${one.calibration.temperature}.</p>
${reliabilityChart(one)}
${htmlTable(binHead, one.calibration.bins.map(binCells), ['score'])}
<h3>${model}: classes taken for others${scoresNote(one)}</h3>
${one.confusions.length === 0 ? '<p>None.</p>' : htmlTable(confusionHead, one.confusions.map(confusionCells), ['true class', 'predicted', 'file'])}
${wrongSection(one, thumbnails)}
</section>`;
}

function wrongSection(one: ReportedModel, thumbnails: ReadonlyMap<string, string>): string {
  const { model, wrong } = one;
  if (wrong.length === 0) return '';
  const shown = wrong.slice(0, SHOWN_WRONG);
  const count = shown.length < wrong.length ? `${shown.length} of ${wrong.length}` : String(wrong.length);
  const items = shown.map(({ path, truth, best }) => {
    const thumbnail = thumbnails.get(path);
    const name = escapedHtml(basename(path));
    const picture =
      thumbnail === undefined ? '' : `<img src="${thumbnail}" alt="${name}" width="120" height="120">`;
    return `<li>${picture}${name}: ${escapedHtml(best.label)}, ${percent(best.score)}. True class: ${escapedHtml(truth)}</li>`;
  });
  return `<h3>${escapedHtml(model)}: ${count} wrong ${pluralize(wrong.length, 'label').replace(/^\d+ /, '')}, the surest first${scoresNote(one)}</h3>
<ul class="wrong">\n${items.join('\n')}\n</ul>`;
}

const CHART = { side: 240, left: 40, bottom: 24 };

/** Mean score against share of right labels. The table beside it has the same figures. */
function reliabilityChart({ model, calibration }: EvaluatedModel): string {
  const { side, left, bottom } = CHART;
  const x = (share: number) => (left + side * share).toFixed(1);
  const y = (share: number) => (8 + side * (1 - share)).toFixed(1);
  const points = calibration.bins
    .filter(({ images }) => images > 0)
    .map(({ meanScore, right, images }) => `${x(meanScore)},${y(right / images)}`);
  const dots = points.map((point) => {
    const [cx, cy] = point.split(',');
    return `<circle class="ours" cx="${cx}" cy="${cy}" r="4"/>`;
  });
  return `<svg class="chart" viewBox="0 0 ${left + side + 8} ${side + bottom + 8}" role="img" aria-label="Share of right labels by mean score of ${escapedHtml(model)}; the table below has the figures">
<path class="ideal" d="M${x(0)} ${y(0)}L${x(1)} ${y(1)}"/>
<polyline class="line" points="${points.join(' ')}"/>
${dots.join('\n')}
<text class="faint" x="0" y="${y(1)}">100 %</text><text class="faint" x="0" y="${y(0)}">right</text>
<text class="faint" x="${x(0)}" y="${side + bottom}">0 %</text><text class="faint" x="${x(1)}" y="${side + bottom}" text-anchor="end">mean score</text>
</svg>`;
}

// `imgcls model list` and `imgcls model info`.

import { modelTitle } from '../../core/model/model.ts';
import type { InventoryRow } from '../../model/inventory.ts';
import { screenOf, UNBOUNDED } from '../terminal/screen.ts';
import { drawTable } from '../terminal/table.ts';
import type { ModelCommandDeps } from './model.ts';
import { named } from './named-models.ts';

type Format = 'table' | 'json';

export async function list({ library, settings, out, err }: ModelCommandDeps, format: Format): Promise<void> {
  const { takeInventory } = await import('../../model/inventory.ts');
  const { rows, damaged } = await takeInventory({
    library,
    wanted: settings.model,
    variantSetting: settings.modelVariant,
  });
  if (format === 'json') out.write(`${JSON.stringify(rows, null, 2)}\n`);
  else {
    const cells = rows.map((one) => [
      `${modelTitle(one)}${one.default ? ' *' : ''}`,
      one.version,
      (one.bytes / 1e6).toFixed(1),
      top1Of(one),
      one.goodFor ?? '',
      one.licence,
      one.state,
    ]);
    const head = ['model', 'version', 'MB', 'top-1', 'good for', 'licence', 'state'];
    const dropFirst = ['version', 'licence', 'MB', 'state'];
    out.write(
      `${drawTable(head, cells, { screen: screenOf(out), alignRight: ['MB', 'top-1'], dropFirst, whole: ['model'] })}\n`,
    );
    err.write(
      '* is the default model; "imgcls model use NAME" chooses another. top-1 is as published; "imgcls eval" measures it.\n',
    );
  }
  for (const { problem } of damaged) err.write(`warning: ${problem}\n`);
}

/** `75.1 %`, or `75.1 % (fp32)` if another variant was measured. */
const top1Of = ({ top1, top1Variant, variant }: InventoryRow): string =>
  top1 === null ? '-' : `${(100 * top1).toFixed(1)} %${top1Variant === variant ? '' : ` (${top1Variant})`}`;

export async function info({ library, out }: ModelCommandDeps, title: string, format: Format): Promise<void> {
  const models = await named(library, title);
  if (format === 'json') {
    const all = models.map(({ manifest, labels, ...place }) => ({
      ...manifest,
      classes: labels.length,
      ...place,
    }));
    out.write(`${JSON.stringify(all, null, 2)}\n`);
    return;
  }
  const { gateText } = await import('../../model/gate.ts');
  for (const { manifest, labels, dir, gate } of models) {
    const { v: _, ...shown } = manifest;
    const compared = gate && { gate: `${gateText(gate)}: ${gate.passed ? 'passed' : 'failed'}` };
    const fields = { ...shown, ...compared, classes: labels.length, folder: dir };
    // A terminal wraps long values: addresses and digests are to be copied.
    const screen = screenOf(out) && UNBOUNDED;
    out.write(`${drawTable(['model', modelTitle(manifest)], factsOf(fields), { frame: 'none', screen })}\n`);
  }
}

/** `preprocess.resize  256`: a row for each value, also of nested objects. */
function factsOf(fields: object, prefix = ''): string[][] {
  return Object.entries(fields).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? factsOf(value, `${prefix}${name}.`)
      : [[`${prefix}${name}`, Array.isArray(value) ? value.join(', ') : String(value)]],
  );
}

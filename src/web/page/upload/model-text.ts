/** How models are told apart where one is chosen. Pure. */
import { binaryByteSize } from '../../../core/text/byte-size.ts';
import { percent } from '../../../core/text/percent.ts';
import type { ModelList } from '../../api.ts';

type Model = ModelList['models'][number];

/** Such as `resnet50/fp32 · most accurate, 80.9 % right, 97.5 MiB`. */
export function modelText(model: Model, all: readonly Model[]): string {
  const { title, top1, bytes, zeroShot, isDefault } = model;
  const facts = [
    wordOf(model, all),
    zeroShot ? 'your own labels' : undefined,
    top1 === undefined ? undefined : `${percent(top1)} right`,
    binaryByteSize(bytes),
  ];
  const known = facts.filter((fact) => fact !== undefined).join(', ');
  return `${title}${isDefault ? ' (default)' : ''} · ${known}`;
}

/** What a user would choose the model for; undefined if that is nothing special. */
function wordOf({ top1, bytes }: Model, all: readonly Model[]): string | undefined {
  if (all.length < 2) return undefined;
  if (top1 !== undefined && all.every((other) => (other.top1 ?? 0) <= top1)) return 'most accurate';
  return all.every((other) => other.bytes >= bytes) ? 'smallest' : undefined;
}

import { useId } from 'preact/hooks';
import { number } from '../format.ts';

interface Segment<T extends string> {
  value: T;
  text: string;
  count?: number | undefined;
}

interface SegmentsProps<T extends string> {
  legend: string;
  segments: readonly Segment<T>[];
  chosen: T;
  onChoose(value: T): void;
}

/** One of a few choices, all of them in view. */
export function Segments<T extends string>({ legend, segments, chosen, onChoose }: SegmentsProps<T>) {
  const name = useId();
  return (
    <fieldset class="segments">
      <legend class="unseen">{legend}</legend>
      {segments.map(({ value, text, count }) => (
        <label key={value}>
          <input type="radio" name={name} checked={value === chosen} onChange={() => onChoose(value)} />
          <span>
            {text}
            {count !== undefined && <small>{number(count)}</small>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}

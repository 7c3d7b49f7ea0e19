/** One line of a chart. */
export interface Line {
  name: string;
  /** A custom property (`--name`) of the style sheet. */
  colour: string;
  values: readonly (number | null)[];
  /** What is drawn: the values, or in a stacked chart their sums with the lines below. */
  drawn: readonly (number | null)[];
}

export interface ChartProps {
  title: string;
  unit: string;
  /** Seconds since 1970. */
  times: readonly number[];
  lines: readonly Line[];
  text(value: number): string;
  /** Values are counts, drawn as steps. */
  isCount?: boolean;
  /** Of the time axis, in seconds. */
  spanS: number;
}

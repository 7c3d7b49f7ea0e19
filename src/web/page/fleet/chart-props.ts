/** What a chart draws. */
export interface Line {
  name: string;
  /** A custom property of the style sheet. */
  colour: string;
  /** What it says, and what is drawn for it where lines lie upon each other. */
  values: readonly (number | null)[];
  drawn: readonly (number | null)[];
}

export interface ChartProps {
  title: string;
  unit: string;
  /** Seconds since 1970. */
  times: readonly number[];
  lines: readonly Line[];
  text(value: number): string;
  isStepped?: boolean;
}

interface ProgressBarProps {
  label: string;
  /** 0 to 1; undefined while it is unknown. */
  fraction: number | undefined;
  text: string;
}

export function ProgressBar({ label, fraction, text }: ProgressBarProps) {
  const value = fraction === undefined ? undefined : Math.round(100 * fraction);
  return (
    <div
      class={`progress ${fraction === undefined ? 'progress-unknown' : ''}`}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={value}
      aria-valuetext={text}
    >
      <span style={{ transform: `scaleX(${fraction ?? 0.3})` }} />
    </div>
  );
}

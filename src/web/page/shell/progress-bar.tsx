interface ProgressBarProps {
  label: string;
  /** 0 to 1; undefined while nobody knows. */
  share: number | undefined;
  text: string;
}

export function ProgressBar({ label, share, text }: ProgressBarProps) {
  const value = share === undefined ? undefined : Math.round(100 * share);
  return (
    <div
      class={`progress ${share === undefined ? 'progress-unknown' : ''}`}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={value}
      aria-valuetext={text}
    >
      <span style={{ transform: `scaleX(${share ?? 0.3})` }} />
    </div>
  );
}

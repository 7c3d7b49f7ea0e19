/** A score as a bar. Hidden from screen readers: the number is beside it. */
export const ScoreBar = ({ score }: { score: number }) => (
  <span class="score-bar" aria-hidden="true">
    <span style={{ transform: `scaleX(${score})` }} />
  </span>
);

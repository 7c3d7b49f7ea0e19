/** A score as a length; the number stands beside it. */
export const ScoreBar = ({ score }: { score: number }) => (
  <span class="score-bar" aria-hidden="true">
    <span style={{ transform: `scaleX(${score})` }} />
  </span>
);

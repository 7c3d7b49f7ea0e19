interface ScoreSliderProps {
  minScore: number;
  onDraft(minScore: number): void;
  onChoose(minScore: number): void;
}

/** From which score on a label is sure. */
export function ScoreSlider({ minScore, onDraft, onChoose }: ScoreSliderProps) {
  const percent = Math.round(100 * minScore);
  return (
    <label class="choice score-slider">
      <span class="choice-title">Sure from</span>
      <input
        type="range"
        min={0}
        max={100}
        step={5}
        value={percent}
        aria-valuetext={`${percent} %`}
        onInput={({ currentTarget: { valueAsNumber } }) => onDraft(valueAsNumber / 100)}
        onChange={({ currentTarget: { valueAsNumber } }) => onChoose(valueAsNumber / 100)}
      />
      <output>{percent} %</output>
    </label>
  );
}

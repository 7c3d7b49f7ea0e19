interface ChoiceProps<T extends string> {
  title: string;
  options: readonly T[];
  names: Readonly<Record<T, string>>;
  chosen: T;
  onChoose(chosen: T): void;
}

/** One of several choices, in a list that opens. */
export function Choice<T extends string>({ title, options, names, chosen, onChoose }: ChoiceProps<T>) {
  return (
    <label class="choice">
      <span class="choice-title">{title}</span>
      <select
        aria-label={title}
        value={chosen}
        onChange={({ currentTarget: { value } }) => onChoose(value as T)}
      >
        {options.map((option) => (
          <option key={option} value={option}>
            {names[option]}
          </option>
        ))}
      </select>
    </label>
  );
}

import { Icon } from './icon.tsx';

interface SearchFieldProps {
  label: string;
  placeholder: string;
  value: string;
  maxLength?: number;
  onInput(value: string): void;
}

export const SearchField = ({ label, onInput, ...field }: SearchFieldProps) => (
  <div class="search-field">
    <Icon name="search" />
    <input
      type="search"
      aria-label={label}
      autocomplete="off"
      spellcheck={false}
      onInput={({ currentTarget: { value } }) => onInput(value)}
      {...field}
    />
  </div>
);

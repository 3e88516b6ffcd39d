// A tab's filter, which lives in the address: `q` is the text, `state` one of the tab's states.
import { navigate, useLocation } from '../../components/navigation';

export interface UrlFilter<S extends string> {
  readonly text: string;
  readonly state: S;
}

export function useUrlFilter<S extends string>(
  states: readonly { readonly value: S }[],
  otherwise: S,
): readonly [UrlFilter<S>, (change: Partial<UrlFilter<S>>) => void] {
  const { path, search } = useLocation();
  const parameters = new URLSearchParams(search);
  const state = states.find(({ value }) => value === parameters.get('state'))?.value ?? otherwise;
  const filter = { text: parameters.get('q') ?? '', state };
  const change = (next: Partial<UrlFilter<S>>): void => {
    const wanted = { ...filter, ...next };
    const changed = new URLSearchParams();
    if (wanted.text !== '') changed.set('q', wanted.text);
    if (wanted.state !== otherwise) changed.set('state', wanted.state);
    const query = changed.toString();
    navigate(`${path}${query === '' ? '' : `?${query}`}`, { replace: true });
  };
  return [filter, change];
}

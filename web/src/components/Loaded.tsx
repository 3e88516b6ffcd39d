// A resource in each of its states; `children` draws the ready one.
import type { ReactElement, ReactNode } from 'react';
import { Button } from './Button';
import { Notice, Skeleton } from './Notice';

export type LoadedResource<T> =
  | { readonly state: 'loading' }
  | { readonly state: 'failed'; readonly error: Error; readonly reload: () => void }
  | { readonly state: 'ready'; readonly data: T };

export interface LoadedProps<T> {
  readonly resource: LoadedResource<T>;
  readonly what: string; // 'the targets'
  readonly children: (data: T) => ReactNode;
}

export function Loaded<T>({ resource, what, children }: LoadedProps<T>): ReactElement {
  switch (resource.state) {
    case 'loading':
      return <Skeleton height="8rem" label={`Loading ${what}`} />;
    case 'failed':
      return (
        <Notice
          tone="bad"
          title={`Could not load ${what}`}
          action={<Button onClick={resource.reload}>Try again</Button>}
        >
          {resource.error.message}
        </Notice>
      );
    case 'ready':
      return <>{children(resource.data)}</>;
  }
}

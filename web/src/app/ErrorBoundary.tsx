// Catches what a page throws while drawing and offers to load it again.
import { Component, type ReactNode } from 'react';
import { Button } from '../components/Button';
import { Notice } from '../components/Notice';
import css from './App.module.css';

interface State {
  readonly error: Error | null;
}

export class ErrorBoundary extends Component<{ readonly children: ReactNode }, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: unknown): State {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <div className={css.pending}>
        <Notice
          tone="bad"
          title="This page stopped working"
          action={<Button onClick={() => window.location.reload()}>Load again</Button>}
        >
          {error.message}
        </Notice>
      </div>
    );
  }
}

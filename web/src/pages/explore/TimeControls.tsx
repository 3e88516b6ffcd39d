// Range, step and refresh: the time controls of the toolbar.
import { useState, type FormEvent, type ReactElement } from 'react';
import { Button, IconButton, Segmented } from '../../components/Button';
import { Popover } from '../../components/Popover';
import {
  describeRange,
  formatDateTime,
  formatDuration,
  parseDateTime,
  parseDuration,
  parseInstant,
  RANGE_PRESETS,
  resolveRange,
  type TimeRange,
  type TimeZoneMode,
} from '../../model/time';
import css from './TimeControls.module.css';

export interface RangePickerProps {
  readonly range: TimeRange;
  readonly zone: TimeZoneMode;
  readonly onRange: (range: TimeRange) => void;
  readonly onZone: (zone: TimeZoneMode) => void;
  readonly onPan: (direction: -1 | 1) => void;
  readonly onZoomOut: () => void;
}

const ZONES = [
  { value: 'local', label: 'Local time' },
  { value: 'utc', label: 'UTC' },
] as const;

export function RangePicker({ range, zone, onRange, onZone, onPan, onZoomOut }: RangePickerProps): ReactElement {
  return (
    <div className={css.range} role="group" aria-label="Time range">
      <IconButton icon="left" label="Earlier" onClick={() => onPan(-1)} />
      <Popover label="Time range" icon="clock" text={`${describeRange(range, zone)}${zone === 'utc' ? ' UTC' : ''}`}>
        {(close) => (
          <div className={css.panel}>
            <ul className={css.presets} aria-label="Relative ranges">
              {RANGE_PRESETS.map((preset) => (
                <li key={preset.label}>
                  <button
                    type="button"
                    className={css.preset}
                    aria-pressed={preset.range.from === range.from && preset.range.to === range.to}
                    onClick={() => {
                      onRange(preset.range);
                      close();
                    }}
                  >
                    {preset.label}
                  </button>
                </li>
              ))}
            </ul>
            <div className={css.absolute}>
              <Segmented<TimeZoneMode> label="Time zone" value={zone} options={ZONES} onChange={onZone} />
              <AbsoluteRange
                key={`${range.from} ${range.to} ${zone}`}
                range={range}
                zone={zone}
                onRange={(next) => {
                  onRange(next);
                  close();
                }}
              />
            </div>
          </div>
        )}
      </Popover>
      <IconButton icon="right" label="Later" onClick={() => onPan(1)} />
      <IconButton icon="zoomOut" label="Zoom out" onClick={onZoomOut} />
    </div>
  );
}

interface AbsoluteRangeProps {
  readonly range: TimeRange;
  readonly zone: TimeZoneMode;
  readonly onRange: (range: TimeRange) => void;
}

// A field holds a date and time in the chosen zone, or `now-6h`.
function readField(text: string, zone: TimeZoneMode): string | undefined {
  if (text.trim().startsWith('now')) return parseInstant(text, Date.now()) === undefined ? undefined : text.trim();
  const ms = parseDateTime(text, zone) ?? parseInstant(text, Date.now());
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

function writeField(bound: string, zone: TimeZoneMode): string {
  const ms = parseInstant(bound, Date.now());
  return ms === undefined ? bound : formatDateTime(ms, zone);
}

function AbsoluteRange({ range, zone, onRange }: AbsoluteRangeProps): ReactElement {
  const [from, setFrom] = useState(() => writeField(range.from, zone));
  const [to, setTo] = useState(() => writeField(range.to, zone));
  const [error, setError] = useState('');
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const next = { from: readField(from, zone) ?? '', to: readField(to, zone) ?? '' };
    if (next.from === '' || next.to === '') setError('Write 2026-01-31 14:05:00, or now-6h.');
    else if (resolveRange(next, Date.now()) === undefined) setError('The start must be before the end.');
    else onRange(next);
  };
  return (
    <form className={css.form} onSubmit={submit}>
      <label>
        From
        <input
          className={css.input}
          value={from}
          onChange={(event) => setFrom(event.target.value)}
          spellCheck={false}
        />
      </label>
      <label>
        To
        <input className={css.input} value={to} onChange={(event) => setTo(event.target.value)} spellCheck={false} />
      </label>
      <p className={css.error} role="alert">
        {error}
      </p>
      <Button type="submit" variant="primary">
        Apply
      </Button>
    </form>
  );
}

export interface StepPickerProps {
  readonly step: string;
  readonly autoMs: number;
  readonly onStep: (step: string) => void;
}

export function StepPicker({ step, autoMs, onStep }: StepPickerProps): ReactElement {
  const auto = `Auto (${formatDuration(autoMs)})`;
  return (
    <Popover label="Step" text={`Step: ${step === 'auto' ? formatDuration(autoMs) : step}`} align="end">
      {(close) => (
        <StepForm
          step={step}
          auto={auto}
          onStep={(next) => {
            onStep(next);
            close();
          }}
        />
      )}
    </Popover>
  );
}

function StepForm({
  step,
  auto,
  onStep,
}: {
  readonly step: string;
  readonly auto: string;
  readonly onStep: (step: string) => void;
}): ReactElement {
  const [text, setText] = useState(step === 'auto' ? '' : step);
  const [error, setError] = useState('');
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const ms = parseDuration(text);
    if (text.trim() === '') onStep('auto');
    else if (ms === undefined || ms <= 0) setError('Write a duration such as 15s or 1m30s.');
    else onStep(text.trim());
  };
  return (
    <form className={css.form} onSubmit={submit}>
      <Button onClick={() => onStep('auto')} aria-pressed={step === 'auto'}>
        {auto}
      </Button>
      <label>
        Resolution step
        <input
          className={css.input}
          value={text}
          placeholder="15s"
          onChange={(event) => setText(event.target.value)}
          spellCheck={false}
        />
      </label>
      <p className={css.error} role="alert">
        {error}
      </p>
      <Button type="submit" variant="primary">
        Apply
      </Button>
    </form>
  );
}

const REFRESHES = ['5s', '10s', '30s', '1m', '5m', '15m'];

export function RefreshPicker({
  refresh,
  onRefresh,
}: {
  readonly refresh: string;
  readonly onRefresh: (refresh: string) => void;
}): ReactElement {
  const choices = refresh === '' || REFRESHES.includes(refresh) ? REFRESHES : [...REFRESHES, refresh];
  return (
    <label className={css.select}>
      <span className="visually-hidden">Refresh</span>
      <select value={refresh} onChange={(event) => onRefresh(event.target.value)} title="Refresh by itself">
        <option value="">Refresh: off</option>
        {choices.map((each) => (
          <option key={each} value={each}>
            Every {each}
          </option>
        ))}
      </select>
    </label>
  );
}

/** One thing that `doctor` looked at. */
export interface Check {
  readonly name: string;
  readonly status: 'usable' | 'refused' | 'missing';
  /** What was found, or why not and what to do. */
  readonly detail: string;
}

/** A value of the model while it is being put together, before anyone else can see it. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

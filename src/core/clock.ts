/** Tells the time: milliseconds since the Unix epoch. Injected everywhere, so that no test sleeps. */
export type Clock = () => number

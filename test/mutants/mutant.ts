/** One protection taken out of the source: the tests that name its row must notice. */
export interface Mutant {
  /** The requirement row whose protection it is. */
  readonly row: string
  /** What an application with this fault would do. */
  readonly fault: string
  readonly file: string
  /** Stands exactly once in the file. */
  readonly from: string
  readonly to: string
}

/** Seeds that a version of the protocol or of the node once failed, and what each of them found. They are run for ever. */
export const SEEDS_THAT_FAILED: readonly { readonly seed: number; readonly found: string }[] = [
  { seed: 6, found: 'a job whose result gossip lost to the coordinator was built again' },
  { seed: 11, found: 'a page that the observer had fetched again did not reach its job board' },
  { seed: 26, found: 'two emergency views without a common witness, and a deaf node that led itself' },
  { seed: 35, found: 'a candidate that had promised itself a view took it for one in force' },
  { seed: 290, found: 'a candidate that could not write was given way to until all tried at once again' },
  { seed: 442, found: 'a coordinator whose disk was full granted what others knew to be finished' },
  { seed: 456, found: 'a late request that did not list a job yet took its claim back' },
  { seed: 680, found: 'a new coordinator had not got the results that its predecessor knew' },
  { seed: 746, found: 'the progress of a second try was taken for that of the first, and its claim ran out' },
  { seed: 983, found: 'a coordinator that gossip did not reach went on for minutes after a cut' },
  { seed: 1094, found: 'a coordinator that was restarted and elected again had forgotten who builds what' },
  { seed: 3038, found: 'two newcomers that nobody knew yet led themselves' },
  { seed: 5006, found: 'candidates that all bid at once kept each other from a majority for ever' }
]

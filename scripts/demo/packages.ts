/** What the demonstration wants: source archives of real projects, pure and compiled. */
export interface DemoPackage {
  readonly spec: string
  /** As normalized. */
  readonly project: string
  /** A statement that proves that it works. */
  readonly proof: string
}

export const PACKAGES: readonly DemoPackage[] = [
  { spec: 'docopt==0.6.2', project: 'docopt', proof: 'import docopt; docopt.docopt("usage: x", [])' },
  { spec: 'spidev', project: 'spidev', proof: 'import spidev; spidev.SpiDev' },
  { spec: 'RPi.GPIO', project: 'rpi-gpio', proof: piProof() },
  { spec: 'netifaces', project: 'netifaces', proof: 'import netifaces; assert netifaces.interfaces()' },
  { spec: 'sgmllib3k', project: 'sgmllib3k', proof: 'import sgmllib; sgmllib.SGMLParser()' }
]

/** Its setup.py imports a module that only Python 2 had. */
export const HOPELESS = { spec: 'MySQL-python==1.2.5', project: 'mysql-python' }

/** Its compiled module runs, and refuses whatever is no Pi. */
function piProof(): string {
  return [
    'try:',
    '    import RPi.GPIO',
    'except RuntimeError as error:',
    '    assert "Raspberry Pi" in str(error), error'
  ].join('\n')
}

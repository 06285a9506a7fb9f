import { type Command, Argument } from 'commander'
import type { CliContext } from './cli-context.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof SHELLS)[number]

const HELP = `
Prints what a shell needs to complete commands and options; nothing is installed.

  bash   commonwheel completion bash > ~/.local/share/bash-completion/completions/commonwheel
  zsh    commonwheel completion zsh > "\${fpath[1]}/_commonwheel"
  fish   commonwheel completion fish > ~/.config/fish/completions/commonwheel.fish`

/** A command, by the words that lead to it: `''`, `service`, `service install`. */
interface Completion {
  readonly path: string
  readonly word: string
  readonly about: string
}

/** `commonwheel completion bash | zsh | fish` */
export function addCompletionCommand(program: Command, context: CliContext): void {
  program
    .command('completion')
    .description('print the completion script of a shell')
    .addArgument(new Argument('<shell>', 'for which shell').choices(SHELLS))
    .addHelpText('after', HELP)
    .action((shell: Shell) => {
      const words = completionsOf(program, '')
      const script = shell === 'fish' ? fishScript(words) : bashScript(words)
      // zsh runs bash's completion functions.
      const head =
        shell === 'zsh' ? '#compdef commonwheel\nautoload -U +X bashcompinit && bashcompinit\n' : ''
      context.stdout.write(`${head}${script}`)
    })
}

function completionsOf(command: Command, path: string): readonly Completion[] {
  const options = command.options.flatMap(({ long, description }) =>
    typeof long === 'string' ? [{ path, word: long, about: description }] : []
  )
  const commands = command.commands.flatMap((child) => {
    const word = child.name()
    const inner = completionsOf(child, `${path} ${word}`.trim())
    return [{ path, word, about: child.description() }, ...inner]
  })
  return [...options, { path, word: '--help', about: 'what it does, with examples' }, ...commands]
}

/** Words are ours: letters, digits, dashes. What no command or option completes is a file, as pip's or git's would be. */
function bashScript(words: readonly Completion[]): string {
  const paths = [...new Set(words.map(({ path }) => path))]
  const cases = paths.map((path) => {
    const own = words.filter((word) => word.path === path).map(({ word }) => word)
    return `    '${path}') words='${own.join(' ')}' ;;`
  })
  return `# Completion of commonwheel.
_commonwheel() {
  local at='' next word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    next="\${at:+$at }$word"
    case "$next" in
      ${paths
        .filter((path) => path !== '')
        .map((path) => `'${path}'`)
        .join('|')}) at=$next ;;
    esac
  done
  case "$at" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _commonwheel commonwheel ./commonwheel
`
}

function fishScript(words: readonly Completion[]): string {
  const lines = words.map(({ path, word, about }) => {
    const seen = path.split(' ').filter((part) => part !== '')
    const where =
      seen.length === 0
        ? '__fish_use_subcommand'
        : seen.map((part) => `__fish_seen_subcommand_from ${part}`).join('; and ')
    const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-a ${word}`
    return `complete -c commonwheel -n '${where}' ${what} -d '${about.replace(/[\\']/g, '\\$&')}'`
  })
  return `# Completion of commonwheel.\n${lines.join('\n')}\n`
}

/** What may follow the words of a command. */
export interface Words {
  readonly path: readonly string[];
  readonly commands: readonly string[];
  readonly options: readonly string[];
}

/** Where no word of ours fits, files are completed. */
export function bashCompletion(words: readonly Words[]): string {
  return `# stackyard: completion for bash
_stackyard() {
  local current="\${COMP_WORDS[COMP_CWORD]}" place="" index words=""
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "$place \${COMP_WORDS[index]}" in
      ${pathPatterns(words)}) place="$place \${COMP_WORDS[index]}" ;;
    esac
  done
  case "$place" in
${caseLines(words)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o bashdefault -o default -F _stackyard stackyard
`;
}

export function zshCompletion(words: readonly Words[]): string {
  return `#compdef stackyard
# stackyard: completion for zsh
_stackyard() {
  local place="" words_here="" index
  for ((index = 2; index < CURRENT; index++)); do
    case "$place \${words[index]}" in
      ${pathPatterns(words)}) place="$place \${words[index]}" ;;
    esac
  done
  case "$place" in
${caseLines(words).replaceAll(' words=', ' words_here=')}
  esac
  compadd -- \${=words_here} || _files
}
compdef _stackyard stackyard
`;
}

export function fishCompletion(words: readonly Words[]): string {
  const lines = words.flatMap(({ path, commands, options }) => {
    const here = `-n '__stackyard_at "${path.join(' ')}"'`;
    const names =
      commands.length === 0 ? [] : [`complete -c stackyard ${here} -f -a '${commands.join(' ')}'`];
    return [...names, ...options.map((option) => `complete -c stackyard ${here} -l ${option.slice(2)}`)];
  });
  const paths = placesOf(words).map((place) => `'${place}'`);
  return `# stackyard: completion for fish
function __stackyard_at
  set -l place ''
  for word in (commandline -opc)[2..-1]
    set -l longer (string trim -- "$place $word")
    if contains -- $longer ${paths.join(' ')}
      set place $longer
    end
  end
  test "$place" = "$argv[1]"
end
${lines.join('\n')}
`;
}

function placesOf(words: readonly Words[]): string[] {
  return words.map(({ path }) => path.join(' ')).filter((place) => place !== '');
}

function pathPatterns(words: readonly Words[]): string {
  return placesOf(words)
    .map((place) => `" ${place}"`)
    .join(' | ');
}

function caseLines(words: readonly Words[]): string {
  return words
    .map(({ path, commands, options }) => {
      const place = path.map((word) => ` ${word}`).join('');
      return `    "${place}") words="${[...commands, ...options].join(' ')}" ;;`;
    })
    .join('\n');
}

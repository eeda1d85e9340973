/** The supported shells. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** One of {@link SHELLS}. */
export type Shell = (typeof SHELLS)[number];

/*
 * Each script passes the words of the command line to `sealwire complete`. It prints `:files`, `:folders` or one line
 * per candidate: the word, a tab and its description.
 */

/** Bash splits words at "=", so the candidates omit the part before it. */
const BASH = `# Completion of sealwire for bash: source <(sealwire completion bash)
_sealwire() {
  local line=\${COMP_LINE:0:COMP_POINT} current before= answer value _
  local -a words
  read -r -d '' -a words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  current=\${words[\${#words[@]}-1]}
  if [[ $current == --*=* && $COMP_WORDBREAKS == *=* ]]; then before=\${current%%=*}=; fi
  answer=$("$1" complete -- "\${words[@]:1}" 2>/dev/null) || return
  COMPREPLY=()
  case $answer in
    '') ;;
    :files | :folders)
      compopt -o filenames 2>/dev/null
      local kind=-f
      [[ $answer == :folders ]] && kind=-d
      while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen "$kind" -- "\${current#"$before"}")
      ;;
    *) while IFS=$'\\t' read -r value _; do COMPREPLY+=("\${value#"$before"}"); done <<< "$answer" ;;
  esac
}
complete -F _sealwire sealwire
`;

const ZSH = `#compdef sealwire
# Completion of sealwire for zsh, after compinit: source <(sealwire completion zsh)
_sealwire() {
  local answer line
  local -a candidates
  answer=$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null) || return 1
  case $answer in
    ('') return 1 ;;
    (:files | :folders)
      [[ $PREFIX == --*=* ]] && compset -P '*='
      if [[ $answer == :folders ]]; then _files -/; else _files; fi
      ;;
    (*)
      for line in "\${(@f)answer}"; do
        candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
      done
      _describe sealwire candidates
      ;;
  esac
}
if [[ $funcstack[1] == _sealwire ]]; then _sealwire "$@"; else compdef _sealwire sealwire; fi
`;

const FISH = `# Completion of sealwire for fish: sealwire completion fish | source
function __sealwire_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l answer ($words[1] complete -- $words[2..] "$current" 2>/dev/null)
    switch "$answer[1]"
        case :files
            __fish_complete_path (string replace -r -- '^--[^=]*=' '' "$current")
        case :folders
            __fish_complete_directories (string replace -r -- '^--[^=]*=' '' "$current")
        case '*'
            printf '%s\\n' $answer
    end
end
complete -c sealwire -f -a '(__sealwire_complete)'
`;

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };

/** The script that completes command lines of `sealwire` in a shell. */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}

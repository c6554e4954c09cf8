#compdef edgekit
# edgekit's completion for zsh: `edgekit completion zsh` prints it
_edgekit() {
  local line kind value help
  local -a found
  [[ $words[CURRENT] == --*=* ]] && compset -P '*='
  for line in "${(@f)$(_EDGEKIT_LINE="${(j: :)words[1,CURRENT]}" _EDGEKIT_COMPLETE=zsh_complete \
    ${~words[1]} 2>/dev/null)}"; do
    IFS=$'\t' read -r kind value help <<< "$line"
    case $kind in
      plain) found+=("${value//:/\\:}${help:+:$help}") ;;
      dir) _path_files -/ ;;
      file) _path_files ;;
    esac
  done
  (( $#found )) && _describe edgekit found
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _edgekit "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
  compdef _edgekit edgekit
fi

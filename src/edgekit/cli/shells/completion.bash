# edgekit's completion for bash: `edgekit completion bash` prints it
_edgekit_completion() {
  local kind value help
  COMPREPLY=()
  while IFS=$'\t' read -r kind value help; do
    case $kind in
      plain) COMPREPLY+=("$value") ;;
      dir) compopt -o dirnames 2>/dev/null ;;
      file) compopt -o default 2>/dev/null ;;
    esac
  done < <(_EDGEKIT_LINE="${COMP_LINE:0:COMP_POINT}" _EDGEKIT_BREAKS="$COMP_WORDBREAKS" \
    _EDGEKIT_COMPLETE=bash_complete "${1/#\~/$HOME}" 2>/dev/null)
}
complete -F _edgekit_completion edgekit

#compdef ctr
# zsh completion for ctr. Commands and flags come from `ctr help`, so they are those of the
# program that is called.

# _ctr_flags [COMMAND] - into the array `flags`, as _arguments wants them
_ctr_flags() {
  local line on='' letter name value help action
  flags=()
  while IFS= read -r line; do
    if [[ $line == (Global f|F)lags: ]]; then on=1; fi
    [[ -n $on && $line =~ '^  (-[a-zA-Z])?,? +(--[a-z0-9-]+)( ([A-Z][^ ]*))? +(.*)$' ]] || continue
    letter=$match[1] name=$match[2] value=$match[4] help=${match[5]//[][:]/ }
    action=''
    case $name in
      --log-format) action='(text json)' ;;
      --log-level) action='(error warning info debug)' ;;
      --cgroup-manager) action='(cgroupfs systemd disabled)' ;;
      --rootless) action='(auto true false)' ;;
      --isolation) action='(container process microvm vm uml)' ;;
      --net) action='(none host bridge)' ;;
      --overlay) action='_ctr_overlay' ;;
      --format) action='(table json)' ;;
      *)
        case $value in
          DIR) action='_files -/' ;;
          FILE | PATH) action='_files' ;;
        esac
        ;;
    esac
    [[ -z $value ]] || value=":${value//[][:]/ }:$action"
    flags+=("*${name}[$help]$value")
    [[ -z $letter ]] || flags+=("*${letter}[$help]$value")
  done < <($program help "$@" 2>/dev/null)
}

_ctr_commands() {
  local -a list
  list=(${(f)"$($program help 2>/dev/null | sed -n '/^Verbs:$/,/^$/s/^  \([a-z]*\)  */\1:/p')"})
  _describe command list
}

_ctr_ids() {
  local -a ids
  ids=(${(f)"$($program ${opt_args[--root]:+--root} ${opt_args[--root]} list -q 2>/dev/null)"})
  compadd -a ids
}

_ctr_overlay() { _alternative 'layer:layer:(ephemeral)' 'directory:directory:_files -/'; }

_ctr() {
  local program=$words[1] curcontext=$curcontext state line
  local -a flags
  typeset -A opt_args

  _ctr_flags
  _arguments -C -S $flags '1:command:_ctr_commands' '*::argument:->argument'
  [[ $state == argument ]] || return

  _ctr_flags $line[1]
  case $line[1] in
    help) _arguments '1:command:_ctr_commands' ;;
    run | create | explain | compare) _arguments -S $flags '1:bundle:_files -/' '*: :' ;;
    lint) _arguments -S $flags '1:bundle:_files' ;;
    kill) _arguments -S $flags '1:id:_ctr_ids' '2:signal:_signals' ;;
    exec | ps) _arguments -S $flags '1:id:_ctr_ids' '*: :' ;;
    start | delete | state | pause | resume | update | events) _arguments -S $flags '1:id:_ctr_ids' ;;
    *) _arguments -S $flags '*: :' ;;
  esac
}

_ctr "$@"

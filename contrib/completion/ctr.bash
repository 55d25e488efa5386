# bash completion for ctr                                              -*- shell-script -*-
#
# Commands and flags come from `ctr help`, so they are those of the program that is called.

# what `ctr help [COMMAND]` lists: "--flag VALUE", "-f VALUE", one a line
_ctr_flags() {
  "$1" help ${2:+"$2"} 2>/dev/null | sed -nE '/^(Global f|F)lags:$/,$ {
    s/^  (-[a-zA-Z]), (--[a-z0-9-]+)( [A-Z][^ ]*)?.*/\1\3\n\2\3/p
    s/^ +(--[a-z0-9-]+)( [A-Z][^ ]*)?.*/\1\2/p
  }'
}

_ctr_commands() { "$1" help 2>/dev/null | sed -n '/^Verbs:$/,/^$/s/^  \([a-z]*\) .*/\1/p'; }

# _ctr_words WORD... - those of them that begin as the word at hand does
_ctr_words() { mapfile -t COMPREPLY < <(compgen -W "$*" -- "$cur"); }

# the value of flag $1, which help calls $2
_ctr_value() {
  case $1 in
    --log-format) _ctr_words text json ;;
    --log-level) _ctr_words error warning info debug ;;
    --cgroup-manager) _ctr_words cgroupfs systemd disabled ;;
    --isolation) _ctr_words container process microvm vm uml ;;
    --net) _ctr_words none host bridge bridge= ;;
    --overlay)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -d -W ephemeral -- "$cur")
      ;;
    --rootless) _ctr_words auto true false ;;
    *)
      case $2 in
        FORMAT) _ctr_words table json ;;
        DIR)
          compopt -o filenames
          mapfile -t COMPREPLY < <(compgen -d -- "$cur")
          ;;
        FILE | PATH)
          compopt -o filenames
          mapfile -t COMPREPLY < <(compgen -f -- "$cur")
          ;;
      esac
      ;;
  esac
}

_ctr() {
  local cur=${COMP_WORDS[COMP_CWORD]} program=${COMP_WORDS[0]} command='' operands=0
  local i word value flags root=() waiting=''
  COMPREPLY=()
  [ "$cur" != = ] || cur=''
  flags=$(_ctr_flags "$program")

  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [ -n "$waiting" ] && [ "$word" = = ]; then continue; fi
    if [ -n "$waiting" ]; then
      [ "$waiting" != --root ] || root=(--root "$word")
      waiting=''
    elif [[ $word == -* ]]; then
      # a flag that has a value waits for it
      value=$(sed -n "s/^$word //p" <<<"$flags")
      [ -z "$value" ] || waiting=$word
    elif [ -z "$command" ]; then
      command=$word
      flags=$(_ctr_flags "$program" "$command")
    else
      operands=$((operands + 1))
    fi
  done

  if [ -n "$waiting" ]; then
    _ctr_value "$waiting" "$(sed -n "s/^$waiting //p" <<<"$flags")"
  elif [[ $cur == -* ]]; then
    _ctr_words "$(cut -d' ' -f1 <<<"$flags")" ${command:+--help}
  elif [ -z "$command" ] || { [ "$command" = help ] && [ $operands = 0 ]; }; then
    _ctr_words "$(_ctr_commands "$program")"
  elif [ $operands = 0 ]; then
    case $command in
      run | create | explain | compare) _ctr_value '' DIR ;;
      lint) _ctr_value '' FILE ;;
      start | exec | kill | delete | state | ps | pause | resume | update | events)
        _ctr_words "$("$program" "${root[@]}" list -q 2>/dev/null)"
        ;;
    esac
  elif [ "$command" = kill ] && [ $operands = 1 ]; then
    _ctr_words HUP INT QUIT KILL USR1 USR2 TERM CONT STOP WINCH
  fi
}

complete -F _ctr ctr

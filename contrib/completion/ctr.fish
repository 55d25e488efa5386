# fish completion for ctr. Commands and flags come from `ctr help`, so they are those of the
# program that is called.

# the command on the line so far, if there is one
function __ctr_command
    set -l words (commandline -opc)
    set -l commands (__ctr_commands | string split -f1 \t)
    for word in $words[2..-1]
        if contains -- $word $commands
            echo $word
            return 0
        end
    end
    return 1
end

# `ctr help`, of the program that the line names
function __ctr_help
    set -l words (commandline -opc)
    command $words[1] help $argv 2>/dev/null
end

function __ctr_commands
    __ctr_help | sed -n '/^Verbs:$/,/^$/s/^  \([a-z]*\)  */\1\t/p'
end

# "--flag<tab>help" or "-f<tab>help"
function __ctr_flags
    __ctr_help (__ctr_command) | string match -r '^  (?:-[a-zA-Z], |    )--[a-z0-9-]+.*' |
        string replace -r '^ +(?:(-[a-zA-Z]), )?(--[a-z0-9-]+)(?: [A-Z][^ ]*)? +' '$2'\t
end

function __ctr_ids
    set -l words (commandline -opc)
    set -l root
    if set -l i (contains -i -- --root $words); and set -q words[(math $i + 1)]
        set root --root $words[(math $i + 1)]
    end
    command $words[1] $root list -q 2>/dev/null
end

function __ctr_wants_id
    contains -- (__ctr_command) start exec kill delete state ps pause resume update events
end

function __ctr_wants_bundle
    contains -- (__ctr_command) run create explain compare
end

# a command itself: nothing stands there yet, or `help`
function __ctr_wants_command
    not __ctr_values >/dev/null; and not __ctr_wants_file; or return 1
    set -l command (__ctr_command)
    test -z "$command"; or test "$command" = help
end

# which values the flag in front of the cursor takes, if it is one of a few
function __ctr_values
    set -l words (commandline -opc)
    switch $words[-1]
        case --log-format
            printf '%s\n' text json
        case --log-level
            printf '%s\n' error warning info debug
        case --cgroup-manager
            printf '%s\n' cgroupfs systemd disabled
        case --rootless
            printf '%s\n' auto true false
        case --isolation
            printf '%s\n' container process microvm vm uml
        case --net
            printf '%s\n' none host bridge
        case --overlay
            printf '%s\n' ephemeral
        case --format
            printf '%s\n' table json
        case '*'
            return 1
    end
end

# a file is what most other flags take
function __ctr_wants_file
    set -l words (commandline -opc)
    test "$words[-1]" = lint; and return 0
    string match -qr -- '^(--(bundle|config|rootfs|overlay|root|log|pid-file|process|console-socket|pidfd-socket)|-[bp])$' $words[-1]
end

complete -c ctr -f
complete -c ctr -n __ctr_wants_command -a '(__ctr_commands)'
complete -c ctr -n 'string match -q -- "-*" (commandline -ct)' -a '(__ctr_flags)'
complete -c ctr -n __ctr_wants_id -a '(__ctr_ids)'
complete -c ctr -n __ctr_wants_bundle -a '(__fish_complete_directories)'
complete -c ctr -n __ctr_wants_file -F
complete -c ctr -n '__ctr_values >/dev/null' -a '(__ctr_values)'

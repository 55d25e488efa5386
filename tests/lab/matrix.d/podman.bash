# podman.bash - rows for every way to use Podman; $MANAGER is its cgroup manager.
# shellcheck shell=bash disable=SC2086 # OF_USER is a word or none

CONTAINERS_CONF_OVERRIDE=$WORK/containers.conf
# where who runs the suite keeps units, and who starts them
UNITS=/run/systemd/system QUADLETS=/run/containers/systemd OF_USER=''
[ "$(id -u)" = 0 ] || UNITS=$XDG_RUNTIME_DIR/systemd/user QUADLETS=$HOME/.config/containers/systemd OF_USER=--user
units() { systemctl $OF_USER "$@"; }
P=mx$$ # containers are called $P-WHAT

# Where nothing can be limited Podman warns of that with every container.
[ -n "$CONTROLLERS" ] && LEVEL=warn || LEVEL=error
podman() { command podman --log-level "$LEVEL" --runtime "$NAME" --cgroup-manager "$MANAGER" "$@"; }
# a container for one command, without a network
once() { podman run --rm --network none "$@"; }
# a container that stays: stay WHAT OPTION...
stay() { podman run -d --name "$P-$1" --network none "${@:2}" box sleep 10000 >/dev/null; }
# exec in it
inside() { podman exec "$P-$1" "${@:2}"; }
of() { podman inspect --format "$2" "$P-$1"; }
is() { [ "$(of "$1" "$2")" = "$3" ]; }
pid_of() { of "$1" '{{.State.Pid}}'; }
# known COMMAND... - with the runtime known to a Podman that somebody else starts, like a timer
known() {
  local dir=/etc/containers/containers.conf.d
  [ "$(id -u)" = 0 ] || dir=$HOME/.config/containers/containers.conf.d
  mkdir -p "$dir"
  printf '[engine.runtimes]\n%s = ["%s"]\n' "$NAME" "$RUNTIME" >"$dir/$P.conf"
  "$@"
  rm "$dir/$P.conf"
}
gone() { podman rm -f -t 0 "${@/#/$P-}" >/dev/null; }

podman_begin() {
  make_image
  cat >"$CONTAINERS_CONF_OVERRIDE" <<-CONF
	[containers]
	log_driver = "k8s-file"
	$([ -n "$CONTROLLERS" ] || echo 'pids_limit = 0')
	[engine]
	runtime_supports_json = ["ctr", "ctr-vm", "crun", "runc"]
	runtime_supports_nocgroup = ["ctr", "ctr-vm", "crun"]
	[engine.runtimes]
	$NAME = ["$RUNTIME"]
	CONF
  mkdir -m 777 "$WORK/volume" "$WORK/upper"
  echo outside >"$WORK/volume/file"
  printf 'junk' >"$WORK/volume/junk"
  chmod 755 "$WORK/volume/junk"
  podman import "$WORK/box.tar" box >/dev/null 2>&1
}

# auto_ids - root's for --userns auto: those of `containers`, whose account newer libraries want as well
auto_ids() {
  [ "$(id -u)" = 0 ] || return 0
  id containers >/dev/null 2>&1 || useradd --system containers
  grep -q ^containers: /etc/subuid || tee -a /etc/subuid >>/etc/subgid <<<'containers:1000000:1000000'
}

clean_up() {
  podman pod rm -a -f -t 0
  podman rm -a -f -t 0
  podman volume rm -a -f
  [ "$(id -u)" = 0 ] || podman system migrate # ends the process that keeps the namespaces
  cd /
  rm -rf --one-file-system "$WORK"
}

# notified OPTION... - a service of Type=notify around a container; what systemd thinks of it
notified() {
  local state unit=$P-n$RANDOM # the container before may still be on its way out
  systemd-run $OF_USER -q --collect --unit "$unit" -p Type="${TYPE:-notify}" -p NotifyAccess=all \
    -p TimeoutStartSec=60 -p TimeoutStopSec=10 -E CONTAINERS_CONF_OVERRIDE="$CONTAINERS_CONF_OVERRIDE" -- \
    podman --runtime "$NAME" run --rm --name "$unit" --network none "$@"
  state=$(units show --value -p ActiveState "$unit")
  echo "$state $(cat "/proc/$(units show --value -p MainPID "$unit")/comm")"
  units stop "$unit"
}

rows_info() {
  row 'info names the runtime' 0 "$NAME $RUNTIME" \
    'podman info --format "{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}"'
}

rows_errors() {
  row 'exit status' 3 '^$' 'once box sh -c "exit 3"'
  row 'no such command: 127' 127 '/no/such/command.*[Nn]o such file or directory' \
    'once box /no/such/command'
  more 'a command that is not in PATH: 127' 127 'executable file.*not found' 'once box nosuch'
  more 'a directory as command: 126' 126 'permission denied|is a directory|not a regular file' \
    'once box /etc'
  more 'not executable: 126' 126 '[Pp]ermission denied' 'once box /etc/passwd'
  row 'not a program: 126' 126 '[Ee]xec format error' 'once -v $WORK/volume:/v box /v/junk'
  more 'an unknown flag of the runtime: 126' 126 'invalidflag' \
    'podman --runtime-flag invalidflag run --rm --network none box true'
  more 'the error is text, and there is one' 127 $'^1\nError: [^{]*/no/such/command[^{]*$' \
    'once box /no/such/command 2>$WORK/error; s=$?; grep -c /no/such/command $WORK/error; cat $WORK/error; exit $s'
}

rows_streams() {
  row 'run -i' 0 '^through$' 'echo through | once -i box cat'
  row 'run -t' 0 '/dev/pts/0' 'once -t box tty'
  row 'run -it, resize' 0 '33 101' \
    '$PROBE pty size=33x101 -- podman run --rm -it --network none box sh -c "until stty size | grep 101; do sleep 0.1; done"'
  more '5000 lines' 0 '^5000$' 'once box seq 5000 | wc -l'
}

rows_process() {
  row '-e -w -u --hostname --umask' 0 $'blue\n/tmp\n1000 1000\ninside\n0077' \
    'once -e COLOUR=blue -w /tmp -u 1000:1000 --hostname inside --umask 0077 box sh -c \
      "echo \$COLOUR; pwd; echo \$(id -u) \$(id -g); hostname; umask"'
  more '-u by name' 0 '^1000$' 'once -u user box id -u'
  more '--group-add' 0 '4242' 'once --group-add 4242 box id -G'
  row '--init' 0 'podman-init|catatonit' 'once --init box cat /proc/1/cmdline'
  more '--entrypoint' 0 '^a b$' 'once --entrypoint echo box a b'
  more '--personality' 0 'i686' 'once --personality LINUX32 box uname -m'
  more '--oom-score-adj' 0 '^100$' 'once --oom-score-adj 100 box cat /proc/self/oom_score_adj'
  more '--systemd=always' 0 'tmpfs' 'once --systemd=always box sh -c "stat -f -c %T /run"'
  more '--timeout' ! '' 'once --timeout 2 box sleep 100'
  row '--preserve-fds' 0 $'outside\noutside' \
    'once --preserve-fds 2 box sh -c "cat <&3; cat <&4" 3<$WORK/volume/file 4<$WORK/volume/file'
  more 'no descriptor or variable of conmon is left' 0 '^0 1 2 *$' \
    'test -z "$(once box env | grep -i -e _OCI -e LISTEN)" && once box probe fds | tr "\n" " "'
}

rows_mounts() {
  row '--read-only' 1 'Read-only file system' 'once --read-only box touch /x'
  row '--tmpfs' 0 'size=1024k.*770' \
    'once --tmpfs /t:size=1m,mode=0770 box sh -c "grep \" /t \" /proc/mounts; stat -c %a /t"'
  row '-v' 0 $'outside\nyes' 'once -v $WORK/volume:/v box sh -c "cat /v/file; touch /v/new && echo yes"'
  row '-v :ro' 1 'Read-only file system' 'once -v $WORK/volume:/v:ro box touch /v/x'
  more '-v :z' 0 'outside' 'once -v $WORK/volume:/v:z box cat /v/file'
  row '-v :O' 0 $'inside\noutside' \
    'once -v $WORK/volume:/v:O box sh -c "echo inside >/v/file; cat /v/file"; cat $WORK/volume/file'
  row '-v :ro,rslave' 0 '/v ro[^/]* master:' \
    'once -v $WORK/volume:/v:ro,rslave box grep " /v " /proc/self/mountinfo'
  more '-v of a file' 0 'outside' 'once -v $WORK/volume/file:/etc/motd box cat /etc/motd'
  more '-v :noexec' ! '[Pp]ermission denied' \
    'once -v $WORK/volume:/v:noexec box sh -c "cp /bin/busybox /v/true; /v/true"'
  row 'a named volume is filled from the image' 0 '^root' 'once -v $P-vol:/etc box cat /etc/passwd'
  more '--mount type=tmpfs' 0 'tmpfs' \
    'once --mount type=tmpfs,dst=/t,tmpfs-size=1m box grep " /t " /proc/mounts'
  more '--mount type=image' 0 'busybox' 'once --mount type=image,src=box,dst=/i box ls /i/bin'
  more '--mount type=devpts' 0 'devpts' \
    'once --mount type=devpts,dst=/p box grep " /p " /proc/mounts'
  more '--secret' 0 $'^hidden\n400$' \
    'echo hidden | podman secret create $P-secret - >/dev/null; once --secret $P-secret,mode=400 box sh -c "cd /run/secrets; cat *; stat -c %a *"
    podman secret rm $P-secret >/dev/null'
  row '--shm-size' 0 'size=2048k' 'once --shm-size 2m box grep " /dev/shm " /proc/mounts'
  more '--rootfs :O' 0 'written' \
    'once --rootfs $WORK/rootfs:O sh -c "echo written >/x; cat /x"'
  more '--read-only-tmpfs' 0 'yes' 'once --read-only box sh -c "touch /tmp/x && echo yes"'
}

rows_security() {
  row '--cap-drop all --cap-add' 0 '0000000000000400$' \
    'once --cap-drop all --cap-add net_bind_service box grep CapBnd /proc/self/status'
  more '--cap-add' 0 'CapEff:.0000000082[26][0-9a-f]*$' \
    'once --cap-add sys_admin,sys_time box grep CapEff /proc/self/status'
  row 'the default seccomp profile' 0 'Seccomp:.2' 'once box grep Seccomp: /proc/self/status'
  row '--security-opt seccomp=unconfined' 0 'Seccomp:.0' \
    'once --security-opt seccomp=unconfined box grep Seccomp: /proc/self/status'
  row '--security-opt seccomp=FILE' 0 '^EDOM' \
    'echo "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"getcwd\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":33}]}" >$WORK/profile.json
    once --security-opt seccomp=$WORK/profile.json box probe call getcwd NULL 0'
  row '--security-opt no-new-privileges' 0 'NoNewPrivs:.1' \
    'once --security-opt no-new-privileges box grep NoNewPrivs /proc/self/status'
  row '--security-opt mask' 0 '^0$' \
    'once --security-opt mask=/proc/uptime box sh -c "cat /proc/uptime | wc -c"'
  more '--security-opt unmask' 0 '^0$' \
    'once --security-opt unmask=ALL box sh -c "grep -c -e /proc/kcore -e /proc/sys /proc/mounts || true"'
  more '--security-opt label' 0 'yes' 'once --security-opt label=disable box echo yes'
  more '--security-opt proc-opts' 0 'hidepid' \
    'once --security-opt proc-opts=hidepid=invisible box grep "^proc /proc proc" /proc/mounts'
  more '--privileged' 0 'CapEff:.00000[0-9a-f]*ff$' \
    'once --privileged box grep CapEff /proc/self/status'
  row '--ulimit' 0 '512 1024' \
    'once --ulimit nofile=512:1024 box sh -c "echo \$(ulimit -Sn) \$(ulimit -Hn)"'
  row '--sysctl' 0 '^1$' 'once --sysctl net.ipv4.ip_forward=1 box cat /proc/sys/net/ipv4/ip_forward'
}

rows_namespaces() {
  more '--pid host' 0 'systemd|init' 'once --pid host box cat /proc/1/comm'
  more '--ipc host --uts host' 0 '^same same$' \
    'test "$(once --ipc host --uts host box sh -c "readlink /proc/self/ns/ipc; readlink /proc/self/ns/uts")" = \
      "$(readlink /proc/self/ns/ipc; readlink /proc/self/ns/uts)" && echo same same'
  more '--cgroupns host' 0 '^0::/.+' 'once --cgroupns host box grep ^0: /proc/self/cgroup'
  row '--network none' 0 '^1$' 'once box sh -c "grep -c : /proc/net/dev"'
  row '--network host' 0 '^same$' \
    'test "$(podman run --rm --network host box readlink /proc/self/ns/net)" = "$(readlink /proc/self/ns/net)" && echo same'
  row '--network container:, --pid container:' 0 'same sleep' \
    'test "$(podman run --rm --network container:$P-main box readlink /proc/self/ns/net)" = \
       "$(inside main readlink /proc/self/ns/net)" && echo same $(once --pid container:$P-main box cat /proc/1/cmdline)'
}

rows_exec() {
  row 'exec' 0 '^inside$' 'inside main echo inside'
  row 'exec: exit status' 9 '^$' 'inside main sh -c "exit 9"'
  row 'exec: no such command: 127' 127 '[Nn]o such file|not found' 'inside main /no/such'
  more 'exec: not executable: 126' 126 '[Pp]ermission denied' 'inside main /etc/passwd'
  row 'exec -t' 0 '/dev/pts/' 'podman exec -t $P-main tty'
  more 'exec -i' 0 '^through$' 'echo through | podman exec -i $P-main cat'
  row 'exec -u -w -e' 0 $'1000 1000\n/tmp\nblue' \
    'podman exec -u user -w /tmp -e COLOUR=blue $P-main sh -c "echo \$(id -u) \$(id -g); pwd; echo \$COLOUR"'
  row 'exec -d' 0 'made' 'podman exec -d $P-main sh -c "echo made >/made" >/dev/null; soon inside main test -s /made; inside main cat /made'
  more 'exec: no descriptor or variable of conmon is left' 0 '^0 1 2 *$' \
    'test -z "$(inside main env | grep -i -e _OCI -e LISTEN)" && inside main probe fds | tr "\n" " "'
  more 'exec --privileged' 0 'CapEff:.00000[0-9a-f]*ff$' \
    'podman exec --privileged $P-main grep CapEff /proc/self/status'
  more 'exec --preserve-fds' 0 'outside' \
    'podman exec --preserve-fds 1 $P-main sh -c "cat <&3" 3<$WORK/volume/file'
  more 'exec -it, resize' 0 '33 101' \
    '$PROBE pty size=33x101 -- podman exec -it $P-main sh -c "until stty size | grep 101; do sleep 0.1; done"'
}

rows_look() {
  row 'top' 0 'sleep 1000' 'podman top $P-main'
  row 'inspect' 0 "^running $NAME\$" 'of main "{{.State.Status}} {{.OCIRuntime}}"'
  row 'healthcheck' 0 $'1\n0' \
    'stay hc --health-cmd "test -e /tmp/ok" --health-interval disable
    podman healthcheck run $P-hc >/dev/null; echo $?
    inside hc touch /tmp/ok; podman healthcheck run $P-hc; echo $?; gone hc'
  more 'logs: k8s-file' 0 '^line$' \
    'once --name $P-l --rm=false --log-driver k8s-file box echo line >/dev/null; podman logs $P-l; gone l'
  more 'logs -f' 0 '^line$' \
    'podman run -d --name $P-lf --network none box sh -c "sleep 2; echo line" >/dev/null; podman logs -f $P-lf; gone lf'
  more '--log-driver none' 0 '^line$' 'once --log-driver none box echo line'
  more '--log-driver passthrough' 0 '^line$' 'once --log-driver passthrough box echo line'
  row 'attach' 0 'bye' \
    'podman run -d --name $P-at --network none box sh -c "until test -e /go; do echo tick; sleep 0.2; done; echo bye; exit 4" >/dev/null
    podman attach $P-at | { read -r tick; inside at touch /go; cat; }; gone at'
  more 'run, attach: detach keys' 0 $'ready.*running.*still here.*running' \
    '$PROBE pty expect=ready send=$(printf "\\030") -- podman run -it --name $P-dk --network none --detach-keys ctrl-x \
      box sh -c "echo ready; read x; echo still \$x; read x"; of dk "{{.State.Status}}"
    $PROBE pty sleep=2000 send="here
" expect="still here" send=$(printf "\\020\\021") -- podman attach $P-dk; of dk "{{.State.Status}}"; gone dk'
  more 'exec: detach keys' 0 $'ready.*\n1$' \
    '$PROBE pty expect=ready send=$(printf "\\030") -- podman exec -it --detach-keys ctrl-x $P-main sh -c "echo ready; exec sleep 4321"
    inside main ps -o args | grep -c "^sleep 432[1]"'
  more 'cp in and out' 0 'outside' \
    'podman cp $WORK/volume/file $P-main:/tmp/copied && podman cp $P-main:/tmp/copied $WORK/back && cat $WORK/back'
}

rows_timers() {
  more 'a healthcheck by its timer' 0 '^healthy$' \
    'stay ht --health-cmd true --health-interval 1s; known soon is ht "{{.State.Health.Status}}" healthy
    of ht "{{.State.Health.Status}}"; gone ht'
}

rows_life() {
  row 'create, start, stop, start again, kill, wait, rm' 0 $'created\nexited 4\n137$' \
    'podman create --name $P-l --network none box sh -c "trap \"exit 4\" TERM; touch /up; while :; do sleep 0.1; done" >/dev/null
    of l "{{.State.Status}}"; podman start $P-l >/dev/null; soon inside l test -e /up; podman stop -t 60 $P-l >/dev/null
    of l "{{.State.Status}} {{.State.ExitCode}}"; podman start $P-l >/dev/null; podman kill $P-l >/dev/null
    podman wait $P-l; podman rm $P-l >/dev/null'
  more '--stop-signal' 0 '^stopped 6$' \
    'podman run -d --name $P-ss --network none --stop-signal USR2 box sh -c "trap \"exit 6\" USR2; touch /up; while :; do sleep 0.1; done" >/dev/null
    soon inside ss test -e /up; podman stop -t 60 $P-ss >/dev/null; echo stopped $(of ss "{{.State.ExitCode}}"); gone ss'
  more 'init, then start' 0 $'^initialized\nready$' \
    'podman create --name $P-in --network none box echo ready >/dev/null; podman init $P-in >/dev/null
    of in "{{.State.Status}}"; podman start -a $P-in; gone in'
  more '--cidfile, --pidfile, --conmon-pidfile' 0 '^same same conmon$' \
    'podman run -d --name $P-pf --network none --cidfile $WORK/cid --pidfile $WORK/pid --conmon-pidfile $WORK/cpid box sleep 1000 >/dev/null
    test $(cat $WORK/cid) = $(of pf "{{.Id}}") && test $(cat $WORK/pid) = $(pid_of pf) && echo same same $(cat /proc/$(cat $WORK/cpid)/comm); gone pf; rm -f $WORK/cid'
  more 'a container of a container'\''s namespaces' 0 '^same$' \
    'stay ns; for n in ipc uts; do
      test "$(once --$n container:$P-ns box readlink /proc/self/ns/$n)" = "$(inside ns readlink /proc/self/ns/$n)" || echo $n differs
    done; echo same; gone ns'
  more 'kill -s' 0 '^got it$' \
    'podman run -d --name $P-k --network none box sh -c "trap \"echo got it; exit\" USR1; touch /up; while :; do sleep 0.1; done" >/dev/null
    soon inside k test -e /up; podman kill -s USR1 $P-k >/dev/null; podman wait $P-k >/dev/null; podman logs $P-k; gone k'
  more 'rm -f of a running one' 0 '^$' 'stay rm && gone rm'
  row '--restart on-failure' 0 '^2$' \
    'podman run -d --name $P-r --network none --restart on-failure:2 box false >/dev/null
    soon is r "{{.RestartCount}} {{.State.Status}}" "2 exited"; of r "{{.RestartCount}}"; gone r'
  more 'restart' 0 '^running$' 'stay rs; podman restart -t 0 $P-rs >/dev/null; of rs "{{.State.Status}}"; gone rs'
}

rows_pods() {
  row 'a pod: shared namespaces, infra container' 0 $'same\nRunning' \
    'podman pod create --name $P-pod --network none >/dev/null
    podman run -d --pod $P-pod --name $P-p1 box sleep 10000 >/dev/null
    podman run -d --pod $P-pod --name $P-p2 box sleep 10000 >/dev/null
    for n in net ipc uts; do
      test "$(inside p1 readlink /proc/self/ns/$n)" = "$(inside p2 readlink /proc/self/ns/$n)" || echo $n differs
    done; echo same; podman pod inspect $P-pod --format "{{.State}}"; podman pod rm -f -t 0 $P-pod >/dev/null'
  more 'a pod: --share pid, stop, start, pause' 0 $'^2\nExited\nRunning\nPaused\nRunning' \
    'podman pod create --name $P-pod --network none --share pid,ipc,uts,net >/dev/null
    podman run -d --pod $P-pod --name $P-p1 box sleep 10001 >/dev/null
    podman run -d --pod $P-pod --name $P-p2 box sleep 10002 >/dev/null
    inside p1 ps -o args | grep -c "^sleep 1000[12]"; state() { podman pod inspect $P-pod --format "{{.State}}"; }
    podman pod stop -t 0 $P-pod >/dev/null 2>&1; state; podman pod start $P-pod >/dev/null; state
    podman pod pause $P-pod >/dev/null; state; podman pod unpause $P-pod >/dev/null; state; podman pod rm -f -t 0 $P-pod >/dev/null'
  row 'kube play' 0 'in a pod' \
    'printf "%s\n" "apiVersion: v1" "kind: Pod" "metadata: {name: $P-kube}" "spec:" "  restartPolicy: Never" "  terminationGracePeriodSeconds: 0" "  containers:" \
      "  - {name: one, image: localhost/box, imagePullPolicy: Never, command: [sh, -c, \"echo in a pod; sleep 1000\"]}" >$WORK/pod.yaml
    podman kube play --network none $WORK/pod.yaml >/dev/null
    soon sh -c "podman logs $P-kube-one | grep -q pod"; podman logs $P-kube-one; podman kube down --force $WORK/pod.yaml >/dev/null'
}

rows_network() {
  more 'two in a network, by name' 0 '1 packets received' \
    'podman network create $P-net >/dev/null; podman run -d --name $P-n1 --network $P-net box sleep 1000 >/dev/null
    podman run --rm --network $P-net --cap-add net_raw box busybox ping -c 1 -W 9 $P-n1; gone n1; podman network rm -f $P-net >/dev/null'
}

row_journald() {
  row 'logs: journald' 0 '^line$' \
    'once --name $P-l --rm=false --log-driver journald box echo line >/dev/null; soon sh -c "podman logs $P-l | grep line"; podman logs $P-l; gone l'
}

row_no_conmon() {
  row '--cgroups=no-conmon' 0 $'^conmon stays\nthe container does not$' \
    'podman run -d --name $P-noc --cgroups=no-conmon --network none box sleep 1000 >/dev/null; where() { grep ^0: /proc/$1/cgroup; }
    test "$(where $(of noc "{{.State.ConmonPid}}"))" = "$(where self)" && echo conmon stays
    test "$(where $(pid_of noc))" = "$(where self)" || echo the container does not; gone noc'
}

rows_services() {
  row '--sdnotify=conmon' 0 '^active conmon$' 'notified --sdnotify=conmon box sleep 1000'
  # the container may be ready before Podman says which process to watch
  row '--sdnotify=container' 0 '^active ' \
    'notified --sdnotify=container box sh -c "probe notify READY=1; sleep 1000"'
  more '--sdnotify=healthy' 0 '^active conmon$' \
    'known notified --sdnotify=healthy --health-cmd "test -e /ok" --health-interval 1s --health-start-period 60s box sh -c "sleep 3; touch /ok; sleep 1000"'
  more '--sdnotify=ignore' 0 '^active ' 'TYPE=simple notified --sdnotify=ignore box sleep 1000'
  more 'a socket of systemd is passed on' 0 '^1 1 from inside' \
    'systemd-socket-activate -l $WORK/listen.sock -E PATH -E HOME -E XDG_RUNTIME_DIR -E DBUS_SESSION_BUS_ADDRESS -E CONTAINERS_CONF_OVERRIDE \
      podman --runtime $NAME run --rm --network none box sh -c "echo \$LISTEN_FDS \$LISTEN_PID from inside; readlink /proc/self/fd/3 | grep socket" 2>/dev/null & activated=$!
    soon socat -u /dev/null UNIX-CONNECT:$WORK/listen.sock; wait $activated'
  row 'podman generate systemd' 0 '^active$' \
    'stay unit; mkdir -p $UNITS/$P-unit.service.d; podman generate systemd --new --name $P-unit 2>/dev/null >$UNITS/$P-unit.service; gone unit
    printf "[Service]\nEnvironment=CONTAINERS_CONF_OVERRIDE=%s\n" $CONTAINERS_CONF_OVERRIDE >$UNITS/$P-unit.service.d/conf.conf
    units daemon-reload; units start $P-unit; units is-active $P-unit; units stop $P-unit
    rm -r $UNITS/$P-unit.service*; units daemon-reload'
  row 'a quadlet unit' 0 $'^active\n[0-9]+ conmon\n(inactive|failed)$' \
    'mkdir -p $QUADLETS
    printf "%s\n" "[Container]" "Image=localhost/box" "Exec=sleep 1000" "Network=none" "GlobalArgs=--runtime $NAME" "PodmanArgs=--stop-timeout 1" \
      "[Service]" "Environment=CONTAINERS_CONF_OVERRIDE=$CONTAINERS_CONF_OVERRIDE" >$QUADLETS/$P-quad.container
    units daemon-reload; units start $P-quad; units is-active $P-quad
    pid=$(units show --value -p MainPID $P-quad); echo $pid $(cat /proc/$pid/comm)
    units stop $P-quad; units is-active $P-quad
    rm $QUADLETS/$P-quad.container; units daemon-reload'
}

#!/usr/bin/env bats
# Checkpoints that somebody has tampered with: an error that tells of it, nothing is left, and nothing
# is written outside of the directories that were named. In the box or the guest, by hand.

# shellcheck disable=SC2016 # jq and the shells of containers expand them
load ../../integration/helper
load ../criu

# taken - a checkpoint of a container that counts, with a volume; CANARY is a file that must stay as it is
taken() {
  mkdir "$BUNDLE/volume"
  mount_at /v bind "$BUNDLE/volume" bind
  counting
  ctr checkpoint --image-path "$IMAGE" "$ID"
  cp -a "$IMAGE" "$IMAGE.good"
  CANARY=$BATS_TEST_TMPDIR/canary
  echo alive >"$CANARY"
}
again() {
  rm -rf --one-file-system "$IMAGE"
  cp -a "$IMAGE.good" "$IMAGE"
}
# refused PATTERN - a restore of these images is, in one line that matches
refused() {
  status=0
  # the streams were such files
  timeout -k 5 60 "$CTR" --root "$STATE" restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID" </dev/null >"$OUT" 2>&1 3>&- || status=$?
  mapfile -t lines <"$OUT"
  output=${lines[0]}
  if [ "$status" != 125 ] || [ ${#lines[@]} != 1 ] || [[ ! $output =~ $1 ]]; then
    echo "wanted: $1"
    cat "$OUT"
    return 1
  fi
  # called where errexit is off
  run ctr state "$ID"
  expect_match 'does not exist' || return 1
  untouched
}
untouched() {
  [ "$(cat "$CANARY")" = alive ] && [ "$(cd "$BATS_TEST_TMPDIR" && ls -d canary*)" = canary ]
}

# document PATTERN FILTER - ctr.json after this filter of jq is refused
document() {
  again
  jq "$2" "$IMAGE.good/ctr.json" >"$IMAGE/ctr.json"
  refused "$1" || {
    echo "filter: $2"
    return 1
  }
}
# text PATTERN - ctr.json of standard input is refused
text() {
  again
  cat >"$IMAGE/ctr.json"
  refused "$1"
}

@test "ctr.json: paths that lead elsewhere" {
  taken
  local foreign="had a mount of the host's on '%s', which the configuration has not"
  document "mounts\[[0-9]\].*'\.\./\.\./etc'" '.mounts += ["../../etc"]'
  # shellcheck disable=SC2059
  document "$(printf "$foreign" /etc)" '.mounts += ["/v/../../../etc"]'
  # shellcheck disable=SC2059
  document "$(printf "$foreign" /)" '.mounts += ["/"]'
  document 'mounts\[[0-9]\]' '.mounts += [""]'
  document "mounts\[[0-9]\].* has a '\]'" '.mounts += ["/v]:/etc"]'
  document 'mounts\[[0-9]\].*control character' '.mounts += ["/v\nroot=/etc"]'
  document 'descriptors\[[0-9]\].*control character' '.descriptors[1] = "pipe:[1]\nroot=/etc"'
  document "namespaces\[0\].*'\.\./\.\./proc/1/ns/mnt' is no kind of namespace" '.namespaces += ["../../proc/1/ns/mnt"]'
  document "bundle.*'../../etc'" '.bundle = "../../etc"'
  # the bundle of a checkpoint is looked at when none is named
  again
  jq --arg b "$BATS_TEST_TMPDIR/nowhere" '.bundle = $b' "$IMAGE.good/ctr.json" >"$IMAGE/ctr.json"
  run ctr run --detach --from "$IMAGE" "$ID"
  expect_status 125
  expect_match "$BATS_TEST_TMPDIR/nowhere"
  # what it says of the id is not what anything is called by
  jq '.id = "../../canary"' "$IMAGE.good/ctr.json" >"$IMAGE/ctr.json"
  restored "$ID"
  counts "$ID"
  ctr delete --force "$ID"
  untouched
}

@test "ctr.json: what is no such document, or without end" {
  taken
  document 'mounts.*array|array.*mounts' '.mounts = {"/v": 1}'
  document 'sizes' '.sizes = [-1]'
  document 'sizes' '.sizes = [4294967296]'
  document 'stopped' '.stopped = 18446744073709551616'
  document 'descriptors' '.descriptors = null | del(.descriptors)'
  document 'descriptors\[0\]' '.descriptors = [["/"]]'
  text 'ctr.json' </dev/null
  text 'ctr.json' <<<'['
  text 'ctr.json' < <(head -c 4096 /dev/urandom)
  text 'ctr.json' < <(head -c 100000 /dev/zero | tr '\0' '[')
  text 'ctr.json.*NUL|ctr.json' < <(head -c 2000 /dev/zero)
  text "ctr.json.*longer than 1048576 bytes" < <(head -c 2000000 /dev/zero | tr '\0' ' ')
  text 'ctr.json.*(id|duplicate|twice)' < <(jq -c . "$IMAGE.good/ctr.json" | sed 's/^{/{"id":"a",/')
  # more of a thing than anybody has
  document "cannot bind '$BUNDLE/volume'.*Too many open files" '.mounts += [range(20000) | "/v"]'
  document "Argument list too long|Too many open files|mounts" '.mounts = [range(15) | "/v/" + "x" * 60000]'
  again
  jq '.descriptors = [range(40000) | "pipe:[\(.)]"] | .slaves = [range(40000) | 4294967295] | .streams = [range(99999)]' \
    "$IMAGE.good/ctr.json" >"$IMAGE/ctr.json"
  refused "cannot read 'ctr.json': longer than 1048576 bytes"
}

@test "descriptors.json is for other runtimes: what it says is never a path here" {
  taken
  local content
  for content in '["../../etc/passwd","/etc/passwd","/etc/passwd"]' '{' ''; do
    again
    echo "$content" >"$IMAGE/descriptors.json"
    restored "$ID"
    counts "$ID"
    ctr delete --force "$ID"
  done
  again
  ln -sf "$CANARY" "$IMAGE/descriptors.json"
  restored "$ID"
  ctr delete --force "$ID"
  untouched
}

@test "links among the images are not followed, at the restore" {
  taken
  local name
  for name in $(cd "$IMAGE.good" && ls -- *.img ctr.json); do
    again
    mv "$IMAGE/$name" "$BATS_TEST_TMPDIR/elsewhere"
    ln -s "$BATS_TEST_TMPDIR/elsewhere" "$IMAGE/$name"
    refused "$name"
  done
  # logs are made anew, not through a link
  again
  for name in restore.log dump.log stats-restore; do ln -sf "$CANARY" "$IMAGE/$name"; done
  restored "$ID"
  counts "$ID"
  ctr delete --force "$ID"
  untouched
  [ ! -L "$IMAGE/restore.log" ]
  [ -s "$IMAGE/restore.log" ]
  # parents
  again
  ln -s . "$IMAGE/parent"
  refused 'is a parent of its own'
  again
  ln -s /proc/self/root "$IMAGE/parent"
  restored "$ID" # there are no images in there
  counts "$ID"
  ctr delete --force "$ID"
  untouched
}

@test "links in a directory are not followed, at the checkpoint" {
  taken
  detached "$ID"
  eventually count "$ID"
  local name
  again
  for name in $(cd "$IMAGE.good" && ls) stats-restore restore.log; do ln -sf "$CANARY" "$IMAGE/$name"; done
  ctr checkpoint --image-path "$IMAGE" --leave-running "$ID"
  untouched
  [ -s "$IMAGE/dump.log" ]
  run find "$IMAGE" -type l -not -name restore.log -not -name stats-restore
  expect_output ''
  counts "$ID"

  # of a directory that is no checkpoint nothing is removed
  rm -rf --one-file-system "$IMAGE"
  mkdir "$IMAGE"
  ln -s "$CANARY" "$IMAGE/pages-1.img"
  run ctr checkpoint --image-path "$IMAGE" --leave-running "$ID"
  expect_status 1
  expect_match "'$IMAGE' holds images that are not of a checkpoint"
  [ -L "$IMAGE/pages-1.img" ]
  counts "$ID"
  untouched

  # what is in the way cannot be removed
  rm "$IMAGE/pages-1.img"
  mkdir -p "$IMAGE/ctr.json/x"
  run ctr checkpoint --image-path "$IMAGE" --leave-running "$ID"
  expect_status 1
  expect_match 'ctr.json'
  counts "$ID"
  rm -r "$IMAGE/ctr.json"
  echo file >"$IMAGE/file"
  run ctr checkpoint --image-path "$IMAGE/file" --leave-running "$ID"
  expect_status 1
  expect_match "--image-path: .*'$IMAGE/file'.*Not a directory"
  run ctr checkpoint --image-path "$IMAGE/file/below" --leave-running "$ID"
  expect_status 1
  expect_match "--image-path: .*Not a directory"
  run ctr checkpoint --image-path "$IMAGE" --parent-path ../nowhere --leave-running "$ID"
  expect_status 1
  expect_match "--parent-path: cannot open '../nowhere'"
  counts "$ID"
  ctr delete --force "$ID"
}

@test "directories that nobody can write to" {
  taken
  again
  mount --bind "$IMAGE" "$IMAGE"
  mount -o remount,bind,ro "$IMAGE"
  refused "--image-path: cannot write to '$IMAGE': Read-only file system"
  mkdir "$BATS_TEST_TMPDIR/work"
  restored "$ID" --work-path "$BATS_TEST_TMPDIR/work"
  counts "$ID"
  run ctr checkpoint --image-path "$IMAGE" --work-path "$BATS_TEST_TMPDIR/work" "$ID"
  expect_status 1
  expect_match "--image-path: .*Read-only file system"
  counts "$ID"
  ctr delete --force "$ID"
  umount "$IMAGE"
}

# Who could change it between two looks would have the second one see what the first one refused.
@test "ctr.json is opened once, and what is opened is looked at" {
  taken
  strace -qq -o "$OUT.trace" -e trace=%file "$CTR" --root "$STATE" restore --detach -b "$BUNDLE" \
    --image-path "$IMAGE" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  grep -q '"ctr\.json"' "$OUT.trace"
  [ "$(grep -c 'ctr\.json"' "$OUT.trace")" = 1 ]
  counts "$ID"
  ctr delete --force "$ID"
  untouched
}

# The contents of a tmpfs are an archive, which CRIU has tar unpack.
@test "an archive whose members lead out of the tmpfs" {
  taken
  local image
  image=$(cd "$IMAGE.good" && ls tmpfs-*.tar.gz.img | head -n1)
  again
  python3 - "$IMAGE/$image" "$CANARY" <<'P'
import io, sys, tarfile
archive = tarfile.open(sys.argv[1], "w:gz")
def add(name, kind=tarfile.REGTYPE, link="", data=b"dead"):
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, link, len(data) if kind == tarfile.REGTYPE else 0
    archive.addfile(member, io.BytesIO(data))
canary = sys.argv[2]
add(canary)
add("../" * 30 + canary.lstrip("/"))
add("link", tarfile.SYMTYPE, canary.rsplit("/", 1)[0])
add("link/canary.2")
add("hard", tarfile.LNKTYPE, canary)
archive.close()
P
  refused "an image is damaged: .*Can't restore tmpfs content"
}

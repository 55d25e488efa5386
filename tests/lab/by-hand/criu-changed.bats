#!/usr/bin/env bats
# Images whose surroundings have changed: the error names what, and nothing is left; as it was before,
# they can be restored. By hand, in the box (`lab.sh box run`) or the guest.

# shellcheck disable=SC2016 # the shells of containers expand them
load ../../integration/helper
load ../criu

# holding - a container with files open in its root file system and behind a bind mount
holding() {
  image
  host_network
  config '.root.readonly = false'
  mkdir "$BUNDLE/volume" "$BUNDLE/rootfs/data" "$BUNDLE/rootfs/data/cwd"
  mount_at /volume bind "$BUNDLE/volume" bind
  shell 'echo 0123456789 >/data/read; echo written >/data/log; echo bound >/volume/file
    exec 5</data/read 6>>/data/log 7</volume/file; cd /data/cwd
    i=0; while :; do i=$((i+1)); echo $i >/dev/shm/n; sleep 0.1; done'
  detached "$ID"
  eventually count "$ID"
  ctr checkpoint --image-path "$IMAGE" "$ID"
}

# refused WHAT - a restore; it says that
refused() {
  run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID" </dev/null 3>&-
  show_result
  expect_status 125
  expect_match "$1"
  run ctr state "$ID"
  expect_match 'does not exist'
  [ -z "$(leaks)" ]
}

works_again() {
  restored "$ID"
  counts "$ID"
  ctr delete --force "$ID"
}

@test "a file that was open: longer, shorter, another kind, gone" {
  holding
  local file=$BUNDLE/rootfs/data/read
  cp -p "$file" "$BUNDLE/kept"
  echo more >>"$file"
  refused 'a file of the root file system is not the one of the checkpoint: .*data/read'
  echo 0 >"$file"
  refused 'a file of the root file system is not the one of the checkpoint: .*data/read'
  rm "$file"
  refused 'a file of the checkpoint is not there any more: .*data/read'
  mkdir "$file"
  refused 'a file of the root file system is not the one of the checkpoint: .*data/read'
  rmdir "$file"
  # where a link leads, outside or inside, nothing is opened
  ln -s /etc/hostname "$file"
  refused 'data/read'
  rm "$file"
  cp -p "$BUNDLE/kept" "$file"
  works_again
}

@test "a file that was open for writing at its end may have grown" {
  holding
  echo more >>"$BUNDLE/rootfs/data/log"
  works_again
  [ "$(cat "$BUNDLE/rootfs/data/log")" = 'written
more' ]
}

@test "the working directory is gone" {
  holding
  rmdir "$BUNDLE/rootfs/data/cwd"
  refused 'a file of the checkpoint is not there any more: .*data/cwd'
  mkdir "$BUNDLE/rootfs/data/cwd"
  works_again
}

@test "the program is gone, or another" {
  holding
  # the files of the bundle are shared with those of other tests
  cp "$BUNDLE/rootfs/bin/busybox" "$BUNDLE/busybox"
  rm "$BUNDLE/rootfs/bin/busybox"
  refused 'a file of the checkpoint is not there any more: .*bin/busybox'
  cp "$BUNDLE/busybox" "$BUNDLE/rootfs/bin/busybox"
  echo x >>"$BUNDLE/rootfs/bin/busybox"
  refused 'a file of the root file system is not the one of the checkpoint: .*bin/busybox'
  cp "$BUNDLE/busybox" "$BUNDLE/rootfs/bin/busybox"
  works_again
}

@test "the source of a bind mount: gone, a file, empty" {
  holding
  mv "$BUNDLE/volume" "$BUNDLE/elsewhere"
  refused "mounts\\[[0-9]+\\].source: cannot find '$BUNDLE/volume': No such file"
  touch "$BUNDLE/volume"
  refused "mounts\\[[0-9]+\\].source: '$BUNDLE/volume' is no directory, and '/volume' in the root file system is one"
  rm "$BUNDLE/volume"
  mkdir "$BUNDLE/volume"
  refused 'a file of the checkpoint is not there any more: .*volume/file'
  rmdir "$BUNDLE/volume"
  mv "$BUNDLE/elsewhere" "$BUNDLE/volume"
  works_again
}

@test "no root file system" {
  holding
  mv "$BUNDLE/rootfs" "$BUNDLE/elsewhere"
  refused "root.path: .*'$BUNDLE/rootfs'"
  mkdir "$BUNDLE/rootfs"
  refused 'rootfs|not there any more'
  rm -rf --one-file-system "$BUNDLE/rootfs"
  mv "$BUNDLE/elsewhere" "$BUNDLE/rootfs"
  works_again
}

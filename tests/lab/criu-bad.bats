#!/usr/bin/env bats
# Where a checkpoint cannot be restored: what is wrong is told, and nothing is left.

# shellcheck disable=SC2016 # the shells of containers expand them
load ../integration/helper
load criu

# refused WHAT - the restore, with this in its message; the container is not there
refused() {
  show_result
  expect_status 125
  expect_match "$1"
  run ctr state "$ID"
  expect_match 'does not exist'
}

@test "a full disk at the restore" {
  counting
  ctr checkpoint --image-path "$IMAGE" "$ID"
  mkdir "$BATS_TEST_TMPDIR/work"
  mount -t tmpfs -o size=8k tmpfs "$BATS_TEST_TMPDIR/work"
  dd if=/dev/zero of="$BATS_TEST_TMPDIR/work/fill" bs=4k 2>/dev/null || true
  run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" --work-path "$BATS_TEST_TMPDIR/work" "$ID"
  umount "$BATS_TEST_TMPDIR/work"
  refused 'CRIU: no space left on device'
  restored "$ID"
  counts "$ID"
  ctr delete --force "$ID"
}

@test "images of another version of CRIU" {
  counting
  ctr checkpoint --image-path "$IMAGE" "$ID"
  cp "$IMAGE/inventory.img" "$BATS_TEST_TMPDIR/inventory"
  # its first field, img_version
  python3 -c 'import sys; data = open(sys.argv[1], "rb").read(); at = data.index(b"\x08", 8) + 1
open(sys.argv[1], "wb").write(data[:at] + b"\x63" + data[at + 1:])' "$IMAGE/inventory.img"
  run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID"
  refused 'the images are of another version of CRIU: Not supported images version 99'
  cp "$BATS_TEST_TMPDIR/inventory" "$IMAGE/inventory.img"
  restored "$ID"
  counts "$ID"
  ctr delete --force "$ID"
}

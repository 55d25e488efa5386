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

@test "a full disk at the restore: it can do without CRIU's log, and not without its state" {
  counting
  ctr checkpoint --image-path "$IMAGE" "$ID"
  full=$BATS_TEST_TMPDIR/full
  mkdir "$full"
  mount -t tmpfs -o size=8k tmpfs "$full"
  dd if=/dev/zero of="$full/fill" bs=4k 2>/dev/null || true
  run "$CTR" --root "$full" restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID" </dev/null 3>&-
  expect_status 125
  expect_match '[Nn]o space left on device'
  [ ! -e "$full/$ID" ]
  ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" --work-path "$full" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  [ -e "$full/restore.log" ] && [ ! -s "$full/restore.log" ]
  umount "$full"
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

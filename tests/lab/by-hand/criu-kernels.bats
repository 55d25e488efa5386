#!/usr/bin/env bats
# Images of another kernel and another processor: by hand, with a directory KERNELS that both have
# (below /host), first in the box, then in the guest, then in the box again. A container of images
# from elsewhere works, or is refused by name with nothing left.

# shellcheck disable=SC2016 # the shells of containers expand them
load ../../integration/helper
load ../criu

@test "images for another kernel" {
  [ -n "${KERNELS:-}" ] || skip 'KERNELS names no directory'
  local place
  place=$KERNELS/$(uname -r)
  rm -rf --one-file-system "$place"
  mkdir -p "$place"
  counting
  ctr checkpoint --image-path "$place/image" "$ID"
  cp -a "$BUNDLE" "$place/bundle"
}

@test "images of another kernel" {
  [ -n "${KERNELS:-}" ] || skip 'KERNELS names no directory'
  local place seen=no
  for place in "$KERNELS"/*; do
    [ "$place" != "$KERNELS/$(uname -r)" ] || continue
    seen=yes
    # nothing is ever executed from /host
    rm -rf --one-file-system "$BUNDLE"
    cp -a "$place/bundle" "$BUNDLE"
    cp -a "$place/image" "$BATS_TEST_TMPDIR/image"
    image
    run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID" </dev/null 3>&-
    show_result
    echo "# images of ${place##*/} on $(uname -r): status $status: $(head -c400 <<<"$output")" >&3
    if [ "$status" = 0 ]; then
      counts "$ID"
      [ "$(ctr exec "$ID" sh -c 'echo works')" = works ]
      ctr delete --force "$ID"
    else
      expect_match "images are of another processor|another kernel's /proc"
      run ctr state "$ID"
      expect_match 'does not exist'
    fi
    rm -rf --one-file-system "$IMAGE"
  done
  [ $seen = yes ] || skip 'there are images of this kernel only'
}
